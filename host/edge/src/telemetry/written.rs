//! Detection of failed writes of log lines, such as on a full disk or a closed pipe.

use std::io::{Error, Result, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::NodeWarnings;

/// Subject of the warning.
const SUBJECT: &str = "log";

/// Time between two checks whether lines can be written.
const LOOK: Duration = Duration::from_secs(1);

/// Failed writes of log lines. A process has only one log.
static FAILURES: AtomicU64 = AtomicU64::new(0);
static LAST_FAILURE: Mutex<Option<String>> = Mutex::new(None);

/// Returns how often writing log lines has failed.
#[must_use]
pub fn log_failures() -> u64 {
    FAILURES.load(Relaxed)
}

/// Warns while log lines cannot be written, for as long as the future is polled.
pub async fn watch_log(warnings: &NodeWarnings) {
    loop {
        match last_failure(|last| last.clone()) {
            Some(error) => {
                let text = format!("the log cannot be written, and its lines are lost: {error}");
                warnings.raise(SUBJECT, text);
            }
            None => warnings.clear(SUBJECT),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn last_failure<T>(work: impl FnOnce(&mut Option<String>) -> T) -> T {
    work(&mut LAST_FAILURE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Writer that records failures.
pub(super) struct Observed<W>(pub(super) W);

impl<W: Write> Write for Observed<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        note(self.0.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        note(self.0.flush())
    }
}

fn note<T>(done: Result<T>) -> Result<T> {
    match &done {
        Ok(_) => last_failure(|last| *last = None),
        Err(error) => {
            FAILURES.fetch_add(1, Relaxed);
            last_failure(|last| *last = Some(Error::to_string(error)));
        }
    }
    done
}
