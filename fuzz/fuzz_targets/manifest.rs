//! Manifests: what passes makes sense.

#![no_main]

use bundle::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(manifest) = Manifest::parse(text) else {
        return;
    };
    assert!((1..=40).contains(&manifest.name.len()));
    for route in &manifest.routes {
        assert!(route.starts_with('/') && !route.contains("//"), "{route:?}");
        assert!(
            !route.starts_with("/livez/") && route != "/readyz",
            "{route:?}"
        );
        assert!(route.parse::<http::Uri>().is_ok(), "{route:?}");
    }
    if let Some(health) = &manifest.health {
        assert!(health.parse::<http::Uri>().is_ok(), "{health:?}");
    }
    for limit in &manifest.rate_limits {
        // A policy that makes no sense is found at once, not by a request.
        assert!(limit.policy(&manifest.name).is_ok(), "{limit:?}");
    }
    let interfaces = manifest.grants.calls.iter().chain(manifest.exports.keys());
    for interface in interfaces {
        assert!(
            interface.contains('/') && !interface.starts_with("wasi:"),
            "{interface:?}"
        );
    }
    if let Some(database) = &manifest.grants.database {
        for table in database.read.iter().chain(&database.write) {
            assert!(!table.starts_with("edge_"), "{table:?}");
        }
    }
});
