//! Components that no compiler makes: a fixture with other components inside.

use wasmparser::{Parser, Payload};

use super::{PluginFolder, component, variant};

/// Sections of a component, by their numbers.
const COMPONENT: u8 = 4;
const INSTANCES: u8 = 5;

/// The fixture `name`, each of whose instances holds `copies` instances of the
/// component `inner` (WAT), and with `changes` made to its manifest.
pub fn composed(name: &str, inner: &str, copies: u32, changes: &str) -> PluginFolder {
    let mut wasm = component(name);
    let index = components(&wasm);
    let inner = wat::parse_str(inner).expect("a component");
    section(&mut wasm, COMPONENT, &inner);
    let mut instances = leb128(copies);
    for _ in 0..copies {
        // An instance of that component, with no arguments.
        instances.push(0);
        instances.extend(leb128(index));
        instances.push(0);
    }
    section(&mut wasm, INSTANCES, &instances);
    let changes = format!("component = 'composed.wasm'\n{changes}");
    variant(name, &changes).with("composed.wasm", wasm)
}

/// How many components stand directly in `wasm`.
fn components(wasm: &[u8]) -> u32 {
    let (mut depth, mut found) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => depth += 1,
            Payload::ComponentSection { .. } => {
                found += u32::from(depth == 0);
                depth += 1;
            }
            Payload::End(_) if depth > 0 => depth -= 1,
            _ => {}
        }
    }
    found
}

fn section(wasm: &mut Vec<u8>, number: u8, content: &[u8]) {
    wasm.push(number);
    wasm.extend(leb128(u32::try_from(content.len()).expect("a size")));
    wasm.extend(content);
}

fn leb128(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}
