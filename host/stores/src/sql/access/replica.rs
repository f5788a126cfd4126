//! Read replica of a database, for queries whose result may be slightly stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::breaker::StoreHealth;
use crate::sql::mysql::MySqlDatabase;
use crate::sql::rows::Form;
use crate::sql::{CallLimits, Connections, Error, Result, Value};

/// The replica of one grant's database, and counts of its use.
pub(super) struct Replica {
    database: MySqlDatabase,
    url: String,
    queries: AtomicU64,
    failures: AtomicU64,
    is_failing: AtomicBool,
}

/// Usage counts and health of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaUse {
    /// Queries that the replica answered.
    pub queries: u64,
    /// Queries that went to the primary because the replica failed.
    pub failures: u64,
    /// State of the replica's circuit breaker.
    pub health: StoreHealth,
}

impl Replica {
    /// Returns the replica behind `database`, called `url` in logs.
    pub(super) fn new(database: MySqlDatabase, url: String) -> Self {
        Self {
            database,
            url,
            queries: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Queries the replica within half of the remaining time, which leaves the
    /// other half for the primary. Returns `None` if the replica fails: it may
    /// lag so far behind that a table is missing, so none of its errors is
    /// final except a result that is too large.
    pub(super) async fn query<F: Form>(
        &self,
        text: &Arc<str>,
        parameters: &[Value],
        limits: CallLimits,
        deadline: Instant,
    ) -> Option<Result<F>> {
        let now = Instant::now();
        let half = now + deadline.saturating_duration_since(now) / 2;
        let answer = self.database.query(text, parameters, limits, half).await;
        match answer {
            Ok(_) | Err(Error::TooLarge(_)) => {
                self.queries.fetch_add(1, Ordering::Relaxed);
                if self.is_failing.load(Ordering::Relaxed) {
                    self.is_failing.store(false, Ordering::Relaxed);
                    tracing::info!(url = self.url, "the replica answers queries again");
                }
                Some(answer)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    let url = &self.url;
                    tracing::warn!(url, "the replica fails, the primary answers: {error:?}");
                }
                None
            }
        }
    }

    pub(super) fn usage(&self) -> ReplicaUse {
        ReplicaUse {
            queries: self.queries.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            health: self.database.health.breaker().health(),
        }
    }

    pub(super) fn connections(&self) -> Connections {
        self.database.pool.connections()
    }

    pub(super) async fn ping(&self, deadline: Instant) -> Result<()> {
        self.database.ping(deadline).await
    }

    pub(super) async fn close(&self) {
        self.database.pool.close().await;
    }
}
