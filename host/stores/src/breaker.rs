//! Leaving a store alone that does not answer.
//!
//! A breaker counts failures in a row: to reach its store, or to hear from it
//! in time. After so many it opens. From then on, whoever asks is refused at
//! once instead of waiting in vain, and one probe looks for the store, again
//! and again, until it answers. No request has to find out, and none takes a
//! lock for it.

use std::fmt::Display;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::Serialize;

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(1);

/// The first pause between two probes, and the longest; each is up to twice
/// as long as said, so that many nodes do not ask at once.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Circuit {
    /// It lets them pass.
    Closed,
    /// It refuses them, while a probe looks for the store.
    Open,
}

/// The store has not answered of late.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it has not answered of late, and is left alone until it does")]
pub struct CircuitOpen;

/// What a node can tell of its use of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHealth {
    /// Whether it is left alone, since it does not answer.
    pub circuit: Circuit,
    /// How often that began.
    pub openings: u64,
    /// Calls that were refused meanwhile.
    pub refusals: u64,
}

/// The breaker of one store.
#[derive(Debug)]
pub struct Breaker {
    /// Names the store in logs.
    store: String,
    /// Failures in a row that open it.
    limit: u32,
    failures: AtomicU32,
    is_open: AtomicBool,
    openings: AtomicU64,
    refusals: AtomicU64,
}

impl Breaker {
    /// A closed breaker, which `limit` failures in a row open. Logs call its
    /// store `store`: put no password into it.
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

    /// What it does with calls right now.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        if self.is_open.load(Ordering::Acquire) {
            Circuit::Open
        } else {
            Circuit::Closed
        }
    }

    /// How its store does.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        StoreHealth {
            circuit: self.circuit(),
            openings: self.openings.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
        }
    }

    /// Let a call pass.
    ///
    /// # Errors
    /// While it is open.
    pub fn admit(&self) -> Result<(), CircuitOpen> {
        if self.circuit() == Circuit::Closed {
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Err(CircuitOpen)
    }

    /// Say that the store answered, whatever it said.
    pub fn succeeded(&self) {
        // Most often there is nothing to forget, and nothing to write.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Say that it did not. Returns whether this opened the breaker: whoever
    /// is told so has to [`recover`] it.
    #[must_use]
    pub fn failed(&self, why: &dyn Display) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < self.limit || self.is_open.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.openings.fetch_add(1, Ordering::Relaxed);
        let store = &self.store;
        tracing::warn!(store, failures, "left alone until it answers: {why}");
        true
    }

    fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.is_open.store(false, Ordering::Release);
        tracing::info!(store = self.store, "answers again");
    }
}

/// Look for the store of an open breaker until it answers, and close the
/// breaker then. Ends early when nobody has the breaker any more.
pub async fn recover<F, E>(breaker: Weak<Breaker>, mut probe: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(SHORTEST)
        .with_max_delay(LONGEST)
        .without_max_times()
        .with_jitter()
        .build();
    for pause in pauses {
        let answer = tokio::time::timeout(PROBE, probe()).await;
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
        assert!(breaker.failed(&"x"), "it counts anew");
    }

    #[tokio::test]
    async fn nobody_looks_for_a_store_that_nobody_has() {
        let breaker = Arc::new(Breaker::new("a", 1));
        let weak = Arc::downgrade(&breaker);
        drop(breaker);
        recover(weak, || std::future::ready(Err::<(), ()>(()))).await;
    }
}
