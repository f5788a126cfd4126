//! A plugin's OpenAPI document, of which the node reads the paths.

#![no_main]

use bundle::openapi::{MOST, paths};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(paths) = paths(text) {
        assert!(paths.len() <= MOST);
        assert!(paths.iter().all(|path| path.starts_with('/')));
    }
});
