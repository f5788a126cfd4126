//! Releases: from a plugin's folder to something that answers requests.

mod load;
pub mod manifest;
mod release;
mod seed;

pub use load::{LoadError, Loader, read_manifests};
pub use release::Release;
pub use seed::SeedError;
