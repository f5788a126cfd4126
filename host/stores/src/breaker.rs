//! Circuit breaker for a store that does not answer.
//!
//! A breaker counts consecutive failures to reach its store, or to get an answer in time. At a
//! limit it opens. From then on calls are refused at once, and one probe at a time checks the store
//! until it answers. No request is used as a probe, and none takes a lock for the breaker.

use std::fmt::Display;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::Serialize;

/// Time limit for a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Shortest pause between two probes. Pauses grow up to [`MAX_PAUSE`], and jitter makes each up to
/// twice as long, so that many nodes do not probe at once.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// State of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Circuit {
    /// Calls pass.
    Closed,
    /// Calls are refused, while a probe checks the store.
    Open,
}

/// Error of a call that an open breaker refuses.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it did not answer, and its circuit breaker is open")]
pub struct CircuitOpen;

/// Health of one store, as its breaker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHealth {
    /// State of the breaker.
    pub circuit: Circuit,
    /// Times that the breaker has opened.
    pub openings: u64,
    /// Calls that the open breaker has refused.
    pub refusals: u64,
}

/// Circuit breaker of one store.
#[derive(Debug)]
pub struct Breaker {
    /// Name of the store in logs.
    store: String,
    /// Consecutive failures that open the breaker.
    limit: u32,
    failures: AtomicU32,
    is_open: AtomicBool,
    openings: AtomicU64,
    refusals: AtomicU64,
}

impl Breaker {
    /// Returns a closed breaker, which `limit` consecutive failures open. Logs show the name
    /// `store`, so it must hold no password.
    #[must_use]
    pub fn new(store: impl Into<String>, limit: u32) -> Self {
        Self {
            store: store.into(),
            limit,
            failures: AtomicU32::new(0),
            is_open: AtomicBool::new(false),
            openings: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    /// Returns the present state of the breaker.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        if self.is_open.load(Ordering::Acquire) {
            Circuit::Open
        } else {
            Circuit::Closed
        }
    }

    /// Returns the health of the store.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        StoreHealth {
            circuit: self.circuit(),
            openings: self.openings.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
        }
    }

    /// Lets a call pass if the breaker is closed.
    ///
    /// # Errors
    /// While the breaker is open.
    pub fn admit(&self) -> Result<(), CircuitOpen> {
        if self.circuit() == Circuit::Closed {
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Err(CircuitOpen)
    }

    /// Records that the store answered, with success or with an error of its own.
    pub fn succeeded(&self) {
        // In most cases there is no failure to reset, and nothing to write.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Records that the store did not answer. Returns whether this opened the breaker; the caller
    /// then has to [`recover`] it.
    #[must_use]
    pub fn failed(&self, why: &dyn Display) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < self.limit || self.is_open.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.openings.fetch_add(1, Ordering::Relaxed);
        let store = &self.store;
        tracing::warn!(store, failures, "circuit breaker opened: {why}");
        true
    }

    fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.is_open.store(false, Ordering::Release);
        tracing::info!(store = self.store, "circuit breaker closed");
    }
}

/// Probes the store of an open breaker until it answers, and then closes the breaker. Ends early
/// once the breaker has been dropped.
pub async fn recover<F, E>(breaker: Weak<Breaker>, mut probe: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(MIN_PAUSE)
        .with_max_delay(MAX_PAUSE)
        .without_max_times()
        .with_jitter()
        .build();
    for pause in pauses {
        let answer = tokio::time::timeout(PROBE_TIMEOUT, probe()).await;
        let Some(breaker) = breaker.upgrade() else {
            return;
        };
        if matches!(answer, Ok(Ok(()))) {
            return breaker.close();
        }
        drop(breaker);
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn only_failures_in_a_row_open_it() {
        let breaker = Breaker::new("a", 3);
        for _ in 0..5 {
            assert!(!breaker.failed(&"x") && !breaker.failed(&"x"));
            breaker.succeeded();
        }
        assert!(breaker.admit().is_ok());
        assert!(!breaker.failed(&"x") && !breaker.failed(&"x"));
        assert!(breaker.failed(&"x"), "the third");
        assert!(!breaker.failed(&"x"), "it is open already");
        let StoreHealth {
            circuit, openings, ..
        } = breaker.health();
        assert_eq!((circuit, openings), (Circuit::Open, 1));
        assert!(breaker.admit().is_err() && breaker.admit().is_err());
        assert_eq!(breaker.health().refusals, 2);
        breaker.succeeded();
        assert!(breaker.admit().is_err(), "only a probe closes it");
    }

    #[tokio::test]
    async fn one_probe_after_the_other_looks_for_the_store() {
        let breaker = Arc::new(Breaker::new("a", 1));
        assert!(breaker.failed(&"x"));
        let mut probes = 0;
        recover(Arc::downgrade(&breaker), || {
            probes += 1;
            let answer = if probes < 3 { Err(()) } else { Ok(()) };
            std::future::ready(answer)
        })
        .await;
        assert_eq!((probes, breaker.circuit()), (3, Circuit::Closed));
        assert!(breaker.failed(&"x"), "it counts from zero");
    }

    #[tokio::test]
    async fn nobody_looks_for_a_store_that_nobody_has() {
        let breaker = Arc::new(Breaker::new("a", 1));
        let weak = Arc::downgrade(&breaker);
        drop(breaker);
        recover(weak, || std::future::ready(Err::<(), ()>(()))).await;
    }
}
