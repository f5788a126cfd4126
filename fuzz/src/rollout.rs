//! Manifests and bundles.

#[path = "../../host/src/rollout/bundle/mod.rs"]
pub mod bundle;
#[path = "../../host/src/rollout/manifest/mod.rs"]
pub mod manifest;
