//! Releases that do not get as far as serving: they trap, or do not end, when
//! they start, or take too long to compile.

use std::time::Duration;

use serde_json::json;

use super::failures::{next, refusal_of};
use super::load::Load;
use crate::harness::{PluginFolder, TestNode, component, empty_data_folder, fixture, variant};

/// Sections of a component, by the numbers that the format gives them.
const CORE_MODULE: u8 = 1;
const CORE_INSTANCE: u8 = 2;

/// A release of `hello` whose component also runs `start`, a core module's
/// start function, when it is instantiated.
fn starting_with(start: &str) -> PluginFolder {
    let module = format!("(module (func $start {start}) (start $start))");
    let module = wat::parse_str(module).expect("a module");
    let mut bytes = component("hello");
    let index = core_modules(&bytes);
    append(&mut bytes, CORE_MODULE, &module);
    // One instance: instantiate that module, with no arguments.
    append(&mut bytes, CORE_INSTANCE, &[1, 0, index, 0]);
    next("hello", "component = \"start.wasm\"").with("start.wasm", bytes)
}

/// How many core modules a component has, not counting those of components
/// within it.
fn core_modules(bytes: &[u8]) -> u8 {
    use wasmparser::{Parser, Payload};
    let (mut depth, mut count) = (0_i32, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("a component") {
            Payload::ModuleSection { .. } => {
                count += u8::from(depth == 0);
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    assert!(count < 127, "the number has one byte");
    count
}

fn append(component: &mut Vec<u8>, section: u8, content: &[u8]) {
    component.push(section);
    let mut length = content.len();
    loop {
        let byte = u8::try_from(length % 128).expect("seven bits");
        length /= 128;
        component.push(if length > 0 { byte | 128 } else { byte });
        if length == 0 {
            break;
        }
    }
    component.extend(content);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_traps_when_it_starts_is_refused() {
    let reason = refusal_of(&[fixture("hello")], "/hello", &starting_with("unreachable")).await;
    assert!(reason.contains("its first instance failed"), "{reason}");
    assert!(reason.contains("unreachable"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_end_its_start_is_refused() {
    let endless = starting_with("(loop $again (br $again))");
    let reason = refusal_of(&[fixture("hello")], "/hello", &endless).await;
    assert!(reason.contains("its first instance failed"), "{reason}");
}

/// The same component, once it is not refused: the tests above fail for the
/// reason that they name.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_starts_well_serves() {
    let node = TestNode::start(&[fixture("hello")], |_| {}).await;
    node.operator().deploy(&starting_with("nop")).await;
    let reply = node.get("/hello").await;
    reply.assert_status(200);
    assert_eq!(reply.header("edge-release"), Some("hello@0.9.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_too_long_is_refused_and_may_come_again() {
    // Nothing is compiled yet, so compiling takes far longer than it may.
    let data = empty_data_folder();
    let plugins = [fixture("hello")];
    let node = TestNode::start_in(data.path(), &plugins, |settings| {
        settings.releases.activation_timeout = Duration::from_millis(20);
    })
    .await;
    let load = Load::start(&node, "/hello", 2);
    let large = variant(
        "hostile",
        "name = \"hello\"\nversion = \"0.9.0\"\nroutes = [\"/hello\", \"/hostile\"]",
    );
    let reply = node.operator().try_deploy(&large, json!({})).await;
    reply.assert_status(422);
    assert!(reply.text().contains("not ready within 20ms"), "{reply:?}");
    assert!(reply.text().contains("activation_timeout"), "{reply:?}");
    let audit = node.operator().get("/v1/audit").await.to_string();
    assert!(audit.contains("refused"), "{audit}");
    assert_eq!(load.stop().await.len(), 1, "one release serves throughout");
    assert!(node.stop().await);

    let node = TestNode::start_in(data.path(), &plugins, |_| {}).await;
    let reply = node.get("/hello").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.1.0"));
    node.operator().deploy(&large).await;
    let reply = node.get("/hostile/count").await;
    assert_eq!(reply.header("edge-release"), Some("hello@0.9.0"));
}
