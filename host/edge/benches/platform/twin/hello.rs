//! The twin of the fixture `hello`.

use bytes::Bytes;

pub const TEXT: &str = "text/plain; charset=utf-8";

pub fn greeting() -> Bytes {
    Bytes::from_static(b"Hello, world!\n")
}
