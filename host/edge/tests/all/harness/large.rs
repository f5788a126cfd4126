//! Components that take long to compile.

/// `component`, with a core module beside those that it has: nothing of it
/// ever runs, but all of it is compiled. Each function has a thousand
/// arithmetic instructions.
pub fn with_ballast(component: &[u8], functions: u32) -> Vec<u8> {
    let module = module(functions);
    let mut large = component.to_vec();
    // A section that holds a core module.
    large.push(1);
    leb128(&mut large, u32::try_from(module.len()).expect("a size"));
    large.extend(module);
    large
}

fn module(functions: u32) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // Every function takes two 64-bit integers and returns one.
    section(&mut module, 1, &[1, 0x60, 2, 0x7e, 0x7e, 1, 0x7e]);
    let mut types = Vec::new();
    leb128(&mut types, functions);
    types.extend(std::iter::repeat_n(0, functions as usize));
    section(&mut module, 3, &types);
    let mut bodies = Vec::new();
    leb128(&mut bodies, functions);
    for function in 0..functions {
        let body = body(function);
        leb128(&mut bodies, u32::try_from(body.len()).expect("a size"));
        bodies.extend(body);
    }
    section(&mut module, 10, &bodies);
    module
}

/// first = first * second + a number, over and over.
fn body(function: u32) -> Vec<u8> {
    let mut body = vec![0];
    for step in 0..200 {
        body.extend([0x20, 0, 0x20, 1, 0x7e, 0x42]);
        // The same bytes for signed numbers, as long as the sixth bit is clear.
        body.extend([(step % 64) as u8 | 0x80, (function % 64) as u8]);
        body.extend([0x7c, 0x21, 0]);
    }
    body.extend([0x20, 0, 0x0b]);
    body
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    leb128(module, u32::try_from(content.len()).expect("a size"));
    module.extend(content);
}

fn leb128(to: &mut Vec<u8>, mut number: u32) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}
