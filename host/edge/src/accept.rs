//! Accept loop for a bounded number of connections.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::{NodeWarnings, Traffic};

/// Pause after a failed accept, such as when the process has no file descriptor left.
const BACKOFF: Duration = Duration::from_millis(100);

/// Warning to operators that a port accepts no connections.
pub(crate) struct AcceptWarning {
    subject: &'static str,
    port: &'static str,
    warnings: Arc<NodeWarnings>,
    traffic: Option<Arc<Traffic>>,
    is_raised: AtomicBool,
}

impl AcceptWarning {
    /// Returns the warning for the shop's ports, whose `traffic` counts the failures.
    pub(crate) fn of_shop(warnings: Arc<NodeWarnings>, traffic: Arc<Traffic>) -> Self {
        Self {
            subject: "connections",
            port: "of clients",
            warnings,
            traffic: Some(traffic),
            is_raised: AtomicBool::new(false),
        }
    }

    /// Returns the warning for the operators' port.
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

/// Accepts connections by `accept`, and calls `begin` with each and its permit, of which there are
/// `most`. While the system cannot accept more, the `warning` is raised, and clients wait in the
/// kernel's queue. Never returns.
pub(crate) async fn accept_each<C, A>(
    most: usize,
    warning: &AcceptWarning,
    accept: impl Fn() -> A,
    begin: impl Fn(C, OwnedSemaphorePermit),
) where
    A: Future<Output = io::Result<C>>,
{
    let room = Arc::new(Semaphore::new(most));
    // The semaphore is never closed.
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

/// Returns whether the error is one of a single connection, so that the next one may be accepted at
/// once.
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
