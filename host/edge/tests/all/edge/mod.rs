//! What surrounds the plugins' replies: header fields for browsers, answers to
//! their questions, probes, TLS; and clients that mean harm.

mod compression;
mod cors;
mod flood;
mod growth;
mod headers;
mod hostile;
mod idle;
mod masked_paths;
mod probes;
pub mod tls;

use edge::config::Settings;

/// The settings that an `edge.toml` makes.
fn read(toml: &str) -> Settings {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("edge.toml");
    std::fs::write(&file, toml).expect("the file");
    Settings::load(&file).unwrap_or_else(|error| panic!("{toml}: {error}"))
}
