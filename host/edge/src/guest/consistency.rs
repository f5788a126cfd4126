//! Read consistency of a request's queries: current, or possibly stale from a replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Read consistency of a request's queries. All plugins that work on the request share it: once one
/// of them has written, all of them read current data.
#[derive(Debug, Clone, Default)]
pub struct ReadConsistency(Option<Arc<AtomicBool>>);

impl ReadConsistency {
    /// Returns the consistency of a request that has to see all earlier writes.
    #[must_use]
    pub fn current() -> Self {
        Self(None)
    }

    /// Returns the consistency of a request that may read stale data until it writes.
    #[must_use]
    pub fn stale() -> Self {
        Self(Some(Arc::default()))
    }

    /// Returns whether the next query may be answered with stale data.
    #[must_use]
    pub fn may_be_stale(&self) -> bool {
        let Self(wrote) = self;
        wrote
            .as_ref()
            .is_some_and(|wrote| !wrote.load(Ordering::Acquire))
    }

    /// Records that the request writes, so that all later queries read current data.
    pub fn write(&self) {
        if let Self(Some(wrote)) = self {
            wrote.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_reads_what_is_true_now_and_so_do_those_it_calls() {
        let request = ReadConsistency::stale();
        let callee = request.clone();
        assert!(request.may_be_stale() && callee.may_be_stale());
        callee.write();
        assert!(!request.may_be_stale() && !callee.may_be_stale());
        assert!(!ReadConsistency::current().may_be_stale());
    }
}
