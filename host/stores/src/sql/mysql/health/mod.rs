//! Health of one MySQL server, shared by all pools of its URL: a circuit
//! breaker, and the time before which connections are invalid.

pub(super) mod queueing;
mod warnings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::Connection;

use super::failed::Failed;
use super::target::Target;
use crate::breaker::{Breaker, recover};
use crate::sql::error::mysql::{
    Trouble, is_bound_reached, is_broken, is_contention, is_passing, number, trouble, typed,
};
use crate::sql::error::redacted_url;
use crate::sql::{Error, Result};
use queueing::Queueing;
use warnings::Warnings;

/// Consecutive failures that open the circuit breaker.
const FAILURES: u32 = 5;

/// Shortest interval between invalidations of a read-only server's connections.
/// Such a server rejects each change separately.
const RENEWAL: Duration = Duration::from_secs(1);

/// State of the server behind one URL.
pub(in crate::sql) struct Health {
    breaker: Arc<Breaker>,
    target: Target,
    warnings: Warnings,
    began: Instant,
    /// Microseconds since `began`: connections opened up to then are no longer
    /// used. 0 if none was invalidated.
    invalidated: AtomicU64,
    /// Set when the server rejected a change as read-only, until its
    /// connections are invalidated.
    takes_no_changes: AtomicBool,
}

impl Health {
    /// Returns the health of the server at `url`, to which `target` connects.
    pub(in crate::sql) fn new(url: &str, target: Target) -> Self {
        Self {
            breaker: Arc::new(Breaker::new(redacted_url(url), FAILURES)),
            target,
            warnings: Warnings::new(redacted_url(url)),
            began: Instant::now(),
            invalidated: AtomicU64::new(0),
            takes_no_changes: AtomicBool::new(false),
        }
    }

    /// Returns the host and port of the server.
    pub(in crate::sql) fn address(&self) -> String {
        self.target.address()
    }

    pub(in crate::sql) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Returns whether a connection of this age may still be used.
    pub(super) fn is_valid(&self, age: Duration) -> bool {
        self.renew();
        let invalidated = self.invalidated.load(Ordering::Acquire);
        let made = microseconds(self.began.elapsed()).saturating_sub(microseconds(age));
        invalidated == 0 || made > invalidated
    }

    /// Invalidates all open connections: when one broke, the others most likely
    /// have too. New connections resolve the host name again, which follows a
    /// failover.
    pub(super) fn invalidate(&self) {
        self.invalidated.store(self.now(), Ordering::Release);
    }

    /// Runs `work` until `deadline`, unless the circuit breaker is open.
    pub(super) async fn call<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = std::result::Result<T, Failed>>,
    ) -> Result<T> {
        if let Err(refusal) = self.breaker.admit() {
            return Err(Error::Unavailable(refusal.to_string()));
        }
        self.watch(deadline, work).await
    }

    /// Runs `work` until `deadline` without asking the circuit breaker: for
    /// statements of a transaction, whose connection has just answered.
    pub(super) async fn watch<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = std::result::Result<T, Failed>>,
    ) -> Result<T> {
        let call = Queueing::default();
        match tokio::time::timeout_at(deadline.into(), call.observe(work)).await {
            Ok(Ok(value)) => {
                self.breaker.succeeded();
                Ok(value)
            }
            Ok(Err(Failed::Call(error))) => {
                self.breaker.succeeded();
                Err(error)
            }
            Ok(Err(Failed::Driver(error))) => {
                self.learn_from(&error);
                Err(typed(error))
            }
            Ok(Err(Failed::Connect(error))) => {
                self.learn_from_refusal(&error);
                Err(Error::Unavailable(error.to_string()))
            }
            Err(elapsed) => {
                if !call.is_queued() {
                    self.failed(&elapsed);
                }
                Err(Error::Timeout)
            }
        }
    }

    /// Records that no connection was available, for a reason that is not the
    /// statement's.
    fn learn_from_refusal(&self, error: &sqlx::Error) {
        if matches!(error, sqlx::Error::PoolClosed) {
            // The plugin's release has ended, which says nothing about the
            // server.
            return;
        }
        if let Some(number) = number(error) {
            self.warnings.warn(number, error);
        }
        if is_bound_reached(error) {
            // Other requests hold connections and are served, so the server is
            // healthy.
            return;
        }
        if is_broken(error) {
            self.invalidate();
        }
        self.failed(error);
    }

    fn learn_from(&self, error: &sqlx::Error) {
        if let Some(number) = number(error).filter(|_| is_passing(error) && !is_contention(error)) {
            self.warnings.warn(number, error);
        }
        match trouble(error) {
            Some(Trouble::Unreachable) => {
                if is_broken(error) {
                    self.invalidate();
                }
                self.failed(error);
            }
            Some(Trouble::ReadOnly) => {
                self.breaker.succeeded();
                tracing::debug!(%error, "reconnecting");
                self.takes_no_changes.store(true, Ordering::Release);
                self.renew();
            }
            None => self.breaker.succeeded(),
        }
    }

    /// Invalidates the connections to a server that rejected a change as
    /// read-only, at most once per [`RENEWAL`].
    fn renew(&self) {
        if !self.takes_no_changes.load(Ordering::Acquire) {
            return;
        }
        let invalidated = self.invalidated.load(Ordering::Acquire);
        let is_due = invalidated == 0 || self.now() > invalidated + microseconds(RENEWAL);
        if is_due && self.takes_no_changes.swap(false, Ordering::AcqRel) {
            tracing::warn!("a database takes no changes; reconnecting");
            self.invalidate();
        }
    }

    fn failed(&self, why: &dyn std::fmt::Display) {
        if self.breaker.failed(why) {
            // Open connections may no longer reach the server.
            self.invalidate();
            let target = self.target.clone();
            let probe = move || probe(target.clone());
            tokio::spawn(recover(Arc::downgrade(&self.breaker), probe));
        }
    }

    fn now(&self) -> u64 {
        microseconds(self.began.elapsed()).max(1)
    }
}

/// Checks that the server accepts a connection and answers a ping on it.
async fn probe(target: Target) -> sqlx::Result<()> {
    let mut connection = target.connect().await?;
    connection.ping().await?;
    connection.close().await
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test has its thread to itself")]
    fn connections_made_before_a_failure_are_not_used_after_it() {
        let health = Health::new(
            "mysql://db/shop",
            Target::parse("mysql://db/shop").expect("a URL"),
        );
        assert!(health.is_valid(Duration::from_secs(100)));
        std::thread::sleep(Duration::from_millis(2));
        health.invalidate();
        assert!(!health.is_valid(Duration::from_millis(1)));
        std::thread::sleep(Duration::from_millis(2));
        assert!(health.is_valid(Duration::from_millis(1)));
        assert!(!health.is_valid(Duration::from_secs(1)));
    }
}
