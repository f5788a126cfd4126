//! Bundles: what passes is what `edge bundle` would write of it, byte for byte,
//! so that a release has one name.

#![no_main]

use bytes::Bytes;
use bundle::{Bundle, Digest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    // As a registry may hand over one: its configuration, and any component.
    if let Ok((bundle, _)) = Bundle::of_artifact(data, Bytes::new()) {
        assert_eq!(bundle.digest(), Digest::of(bundle.bytes()));
    }
    let Ok(bundle) = Bundle::parse(bytes.clone()) else {
        return;
    };
    assert_eq!(bundle.bytes(), &bytes);
    assert_eq!(bundle.digest(), Digest::of(&bytes));
    for (_, migrations) in bundle.migrations.by_dialect() {
        for migration in migrations {
            assert!(!migration.name.contains('/'), "{:?}", migration.name);
        }
        assert!(migrations.is_sorted_by_key(|migration| &migration.name));
    }
});
