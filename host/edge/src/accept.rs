//! Taking connections: so many at once, and no more.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::{NodeWarnings, Traffic};

/// How long to wait when the process has no file descriptor left.
const BACKOFF: Duration = Duration::from_millis(100);

/// Tells operators that a port takes no connections.
pub(crate) struct AcceptWarning {
    subject: &'static str,
    port: &'static str,
    warnings: Arc<NodeWarnings>,
    traffic: Option<Arc<Traffic>>,
    is_raised: AtomicBool,
}

impl AcceptWarning {
    /// For the shop's port, whose `traffic` counts the failures.
    pub(crate) fn of_shop(warnings: Arc<NodeWarnings>, traffic: Arc<Traffic>) -> Self {
        Self {
            subject: "connections",
            port: "of clients",
            warnings,
            traffic: Some(traffic),
            is_raised: AtomicBool::new(false),
        }
    }

    /// For the operators' port.
    pub(crate) fn of_operators(warnings: Arc<NodeWarnings>) -> Self {
        Self {
            subject: "operator-connections",
            port: "of operators",
            warnings,
            traffic: None,
            is_raised: AtomicBool::new(false),
        }
    }

    fn raise(&self, error: &io::Error) {
        if let Some(traffic) = &self.traffic {
            traffic.count_accept_failure();
        }
        let port = self.port;
        let advice = match is_out_of_descriptors(error) {
            true => ": let the process open more files (LimitNOFILE, ulimit -n)",
            false => "",
        };
        let text = format!("connections {port} cannot be accepted: {error}{advice}");
        self.warnings.raise(self.subject, text);
        self.is_raised.store(true, Relaxed);
    }

    fn clear(&self) {
        if self.is_raised.swap(false, Relaxed) {
            self.warnings.clear(self.subject);
        }
    }
}

/// Take connections by `accept`, and `begin` to serve each, which has its place
/// among `most` until it drops it. While the system has no room for more, the
/// `warning` is raised, and those who connect wait in the kernel's queue. Never
/// ends.
pub(crate) async fn accept_each<C, A>(
    most: usize,
    warning: &AcceptWarning,
    accept: impl Fn() -> A,
    begin: impl Fn(C, OwnedSemaphorePermit),
) where
    A: Future<Output = io::Result<C>>,
{
    let room = Arc::new(Semaphore::new(most));
    // Nobody closes the semaphore.
    while let Ok(place) = room.clone().acquire_owned().await {
        match accept().await {
            Ok(connection) => {
                warning.clear();
                begin(connection, place);
            }
            Err(error) if is_about_one_client(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                warning.raise(&error);
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }
}

/// Whether the next connection may well be accepted at once.
fn is_about_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}
