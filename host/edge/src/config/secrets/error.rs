//! Errors of secrets in files.

use std::io;
use std::path::PathBuf;

use super::LENGTH;

/// Failures to generate, read or trust a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file system reported an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder that was being read or written.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file to be written exists already.
    #[error("{} exists already, and a secret is never overwritten; name another file", path.display())]
    Exists {
        /// File that exists.
        path: PathBuf,
    },
    /// Other users could have read or changed the file or folder.
    #[error("{} is open to other users (mode {mode:o}); make it private, or remove it and it is made anew", path.display())]
    NotPrivate {
        /// File or folder.
        path: PathBuf,
        /// Permission bits of the file or folder.
        mode: u32,
    },
    /// Another user owns the file or folder, and could have read or changed it.
    #[error("{} belongs to the user {owner}, and this node runs as {us}; give it to {us}, or remove it and it is made anew", path.display())]
    WrongOwner {
        /// File or folder.
        path: PathBuf,
        /// Id of the user who owns the file or folder.
        owner: u32,
        /// Id of the user that this process runs as.
        us: u32,
    },
    /// The file does not contain a secret of the right length.
    #[error("{} does not hold a secret of {LENGTH} bytes; restore it, or remove it and another is made: what was made with the old one does not hold any more", path.display())]
    Malformed {
        /// File with the wrong content.
        path: PathBuf,
    },
}
