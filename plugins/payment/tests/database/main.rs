//! What only a database can tell, on both that the shop runs on.

mod attempts;
mod statements;

/// The folder of the plugin.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
