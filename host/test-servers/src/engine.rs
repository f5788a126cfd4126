//! Differences between the database servers, and the arguments that all of them take.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::process_guard::ProcessGuard;
use crate::server::Kind;

/// File in the server's folder with the options of one test.
pub(crate) const OPTIONS: &str = "options";

/// Differences between MariaDB and MySQL.
pub(crate) struct Engine {
    pub(crate) kind: &'static Kind,
    /// Prefix of the names of folders.
    pub(crate) prefix: &'static str,
    /// Function that creates the system tables.
    pub(crate) install: fn(&mut ProcessGuard) -> io::Result<()>,
    /// Function that runs statements as the server's administrator.
    pub(crate) client: fn(&Path, &str) -> io::Result<Output>,
    /// Program that makes dumps.
    pub(crate) dump: fn() -> io::Result<Command>,
    /// Program that runs dumps.
    pub(crate) load: fn() -> io::Result<Command>,
}

/// Returns the argument that replaces the settings of a server that the machine runs itself.
pub(crate) fn options_argument(folder: &Path) -> String {
    format!("--defaults-file={}", folder.join(OPTIONS).display())
}

/// Returns the argument that names the folder of the data.
pub(crate) fn data_argument(folder: &Path) -> String {
    format!("--datadir={}", folder.join("data").display())
}

/// Returns the argument that names the socket.
pub(crate) fn socket_argument(folder: &Path) -> String {
    format!("--socket={}", folder.join("socket").display())
}

/// Returns the argument that lets the server run as root, which it refuses otherwise. The owner of
/// the folder is the user of the tests.
pub(crate) fn user_argument(folder: &Path) -> Option<String> {
    let owner = fs::metadata(folder).ok()?.uid();
    (owner == 0).then(|| "--user=root".to_owned())
}
