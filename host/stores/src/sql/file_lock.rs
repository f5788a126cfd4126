//! Locks that other processes of this machine see.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a node waits while another has the lock.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

/// Wait until no other process holds the lock on `path`; dropping the file
/// lets the next one in.
pub(super) async fn lock_file(path: PathBuf) -> std::io::Result<File> {
    let locking = tokio::task::spawn_blocking(move || {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok(file)
    });
    match tokio::time::timeout(LOCK_TIMEOUT, locking).await {
        Ok(Ok(locked)) => locked,
        Ok(Err(panic)) => Err(std::io::Error::other(panic)),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut)),
    }
}

/// Takes the lock on `path`, if no other process holds it.
pub(super) fn try_lock_file(path: &Path) -> std::io::Result<Option<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
