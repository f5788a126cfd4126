//! Which folders of plugins a node serves.

use std::path::{Path, PathBuf};

/// What `plugins` says for none at all.
const NONE: &str = "none";

/// The shop's own four.
pub(super) fn shop() -> Vec<PathBuf> {
    ["customer", "order", "payment", "product"]
        .map(|plugin| Path::new("plugins").join(plugin))
        .to_vec()
}

pub(super) fn folders(text: &str) -> Result<Vec<PathBuf>, String> {
    if text.trim() == NONE {
        return Ok(Vec::new());
    }
    let folders: Vec<PathBuf> = text
        .split(',')
        .map(str::trim)
        .filter(|f| !f.is_empty())
        .map(Into::into)
        .collect();
    if folders.is_empty() {
        Err("names no plugin folder; `none` means that".into())
    } else {
        Ok(folders)
    }
}
