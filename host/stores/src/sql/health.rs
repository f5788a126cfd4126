//! How one MySQL server does, as all pools on its URL find out together: the
//! breaker, and which connections are too old to be trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::Connection;

use super::Result;
use super::error::{
    Trouble, is_bound_reached, is_broken, is_contention, is_passing, number, redacted_url, trouble,
    typed,
};
use super::mysql::Target;
use super::queueing::Queueing;
use super::warnings::Warnings;
use crate::breaker::{Breaker, recover};
use crate::sql::Error;

/// Failures in a row after which the server is left alone.
const FAILURES: u32 = 5;

/// A server that takes no changes says so at each of them. Its connections
/// are made anew no more often than this.
const RENEWAL: Duration = Duration::from_secs(1);

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum Failed {
    /// What the driver says of a statement.
    Driver(sqlx::Error),
    /// No connection was to be had: the statement was never sent.
    Connect(sqlx::Error),
    /// What the plugin is told; the server answered.
    Call(Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// One server, behind one URL.
pub(super) struct Health {
    breaker: Arc<Breaker>,
    target: Target,
    warnings: Warnings,
    began: Instant,
    /// Microseconds since `began`: connections made until then are not used
    /// any more.
    invalidated: AtomicU64,
    /// Whether more of them are to be condemned, once that is due.
    takes_no_changes: AtomicBool,
}

impl Health {
    /// The health of the server at `url`, which `target` leads to.
    pub(super) fn new(url: &str, target: Target) -> Self {
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
    pub(super) fn address(&self) -> String {
        self.target.address()
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Whether a connection of this age may be used.
    pub(super) fn is_valid(&self, age: Duration) -> bool {
        self.renew();
        let invalidated = self.invalidated.load(Ordering::Acquire);
        let made = microseconds(self.began.elapsed()).saturating_sub(microseconds(age));
        invalidated == 0 || made > invalidated
    }

    /// Have all connections made anew that there are now: when one broke, the
    /// others most likely lead to the same dead end. Names are looked up
    /// again, so this follows a fail-over.
    pub(super) fn invalidate(&self) {
        self.invalidated.store(self.now(), Ordering::Release);
    }

    /// Let `work` ask the server until `deadline`, unless the server is left
    /// alone.
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

    /// The same, in a transaction: its connection answered just now.
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

    /// Learns from a connection that was not to be had, whatever the reason:
    /// no statement is at fault.
    fn learn_from_refusal(&self, error: &sqlx::Error) {
        if matches!(error, sqlx::Error::PoolClosed) {
            // Its release has ended; the server has no part in it.
            return;
        }
        if let Some(number) = number(error) {
            self.warnings.warn(number, error);
        }
        if is_bound_reached(error) {
            // Whoever has a connection is served: the server is well.
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
                tracing::debug!(%error, "connecting anew");
                self.takes_no_changes.store(true, Ordering::Release);
                self.renew();
            }
            None => self.breaker.succeeded(),
        }
    }

    /// Condemn the connections to a server that takes no changes.
    fn renew(&self) {
        if !self.takes_no_changes.load(Ordering::Acquire) {
            return;
        }
        let invalidated = self.invalidated.load(Ordering::Acquire);
        let is_due = invalidated == 0 || self.now() > invalidated + microseconds(RENEWAL);
        if is_due && self.takes_no_changes.swap(false, Ordering::AcqRel) {
            tracing::warn!("a database takes no changes; connecting anew");
            self.invalidate();
        }
    }

    fn failed(&self, why: &dyn std::fmt::Display) {
        if self.breaker.failed(why) {
            // Connections may be open and lead nowhere.
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

/// Whether the server takes a connection and answers on it.
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
