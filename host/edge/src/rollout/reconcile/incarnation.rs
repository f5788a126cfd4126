//! Marks the node that ran before in a data folder as dead.
//!
//! A node has a new name each time it starts. The record of a node that was
//! killed looks alive for some seconds. The node that starts in its place marks
//! it as dead, so that no rollout waits for it.

use std::fs;
use std::io;
use std::path::Path;

use crate::rollout::control::Control;

const FILE: &str = "node";

/// Maximum length of a node's name in the control database, in bytes.
const MAX_NAME_BYTES: usize = 40;

/// Writes the name `node` into the data folder, marks the node named there
/// before as dead, and returns that name. Failures are logged: without the
/// file, the record of a node that was killed looks alive for some seconds
/// longer.
pub async fn replace_incarnation(control: &Control, data_dir: &Path, node: &str) -> Option<String> {
    let path = data_dir.join(FILE);
    let before = read(&path);
    if let Some(before) = &before
        && let Err(error) = control.presume_dead(before).await
    {
        tracing::debug!("the record of this node's last run stays: {error}");
    }
    if let Err(error) = fs::write(&path, node) {
        let file = path.display();
        tracing::warn!(%file, "the node's name cannot be kept: {error}");
    }
    before
}

fn read(path: &Path) -> Option<String> {
    let is_name = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.chars().all(plain)
    };
    match fs::read_to_string(path) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| is_name(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let file = path.display();
            tracing::warn!(%file, "the name of the node that ran here cannot be read: {error}");
            None
        }
    }
}
