//! Taking connections: so many at once, and no more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait when the process has no file descriptor left.
const BACKOFF: Duration = Duration::from_millis(100);

/// Take connections by `accept`, and `begin` to serve each, which has its place
/// among `most` until it drops it. Never ends.
pub(crate) async fn accept_each<C, A>(
    most: usize,
    accept: impl Fn() -> A,
    begin: impl Fn(C, OwnedSemaphorePermit),
) where
    A: Future<Output = io::Result<C>>,
{
    let room = Arc::new(Semaphore::new(most));
    // Nobody closes the semaphore.
    while let Ok(place) = room.clone().acquire_owned().await {
        match accept().await {
            Ok(connection) => begin(connection, place),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}
