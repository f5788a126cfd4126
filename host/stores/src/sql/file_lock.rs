//! File locks between the processes of one machine.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time limit for waiting for a lock that another process holds.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

/// Waits until no other process holds the lock on `path`, for up to
/// [`LOCK_TIMEOUT`]. Dropping the file releases the lock.
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

/// Takes the lock on `path` if no other process holds it; `None` otherwise.
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
