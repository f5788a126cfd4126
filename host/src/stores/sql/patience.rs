//! Ending the statements of SQLite's writer for which nobody waits any more.
//! Without it, one goes on to its end on its connection's thread, however long
//! that takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use sqlx::SqliteConnection;

/// Steps of SQLite's machine between two looks at the clock: some tens of
/// microseconds.
pub(super) const STEPS: i32 = 4096;

/// Nobody says when the statement has to end.
const NEVER: u64 = u64::MAX;

/// It has to end now.
const NOW: u64 = 0;

/// Where milliseconds are counted from.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How long the statement that runs on one connection may go on.
#[derive(Debug, Clone)]
pub(super) struct Patience(Arc<AtomicU64>);

/// A statement that runs. Dropping it before it is done ends the statement.
pub(super) struct Running(Option<Patience>);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NEVER)))
    }

    /// Let `connection` look at this while its statements run.
    pub(super) async fn watch(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let until = self.0.clone();
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(STEPS, move || now() < until.load(Ordering::Relaxed));
        Ok(())
    }

    /// A statement begins that may go on until `deadline`.
    pub(super) fn begin(&self, deadline: Instant) -> Running {
        let until = deadline.saturating_duration_since(*BEGAN).as_millis();
        let until = u64::try_from(until).unwrap_or(NEVER);
        self.0.store(until, Ordering::Relaxed);
        Running(Some(self.clone()))
    }

    /// Whatever runs next is not bounded.
    pub(super) fn reset(&self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }
}

impl Running {
    /// The statement came to its end.
    pub(super) fn done(mut self) {
        if let Some(patience) = self.0.take() {
            patience.reset();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(Patience(until)) = &self.0 {
            until.store(NOW, Ordering::Relaxed);
        }
    }
}

fn now() -> u64 {
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(NEVER)
}
