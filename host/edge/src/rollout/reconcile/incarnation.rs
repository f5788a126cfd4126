//! The name of the node that ran before in a data folder.
//!
//! A node has a new name each time it starts. One that was killed leaves a
//! record that looks alive for some seconds; whoever starts in its place knows
//! better, and says so, so that no rollout waits for the dead.

use std::fs;
use std::io;
use std::path::Path;

use crate::rollout::control::Control;

const FILE: &str = "node";

/// The longest name that the control database takes.
const LONGEST: usize = 40;

/// Writes the name `node` into the data folder, and marks the one that stood
/// there as dead, which is returned. Failures are logged: without the file, the record of a node
/// that was killed looks alive for some seconds longer.
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
        !text.is_empty() && text.len() <= LONGEST && text.chars().all(plain)
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
