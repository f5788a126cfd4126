//! Whether a request's queries may be answered with what was true a moment
//! ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a request's queries may go. All plugins that work on the request
/// share it: once one of them has written, all of them read what is true now.
#[derive(Debug, Clone, Default)]
pub struct ReadConsistency(Option<Arc<AtomicBool>>);

impl ReadConsistency {
    /// Of a request that has to see all that was written before.
    #[must_use]
    pub fn current() -> Self {
        Self(None)
    }

    /// Of one that may see what was true a moment ago, until it writes.
    #[must_use]
    pub fn stale() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether the next query may be answered with what was true a moment ago.
    #[must_use]
    pub fn may_be_stale(&self) -> bool {
        let Self(wrote) = self;
        wrote
            .as_ref()
            .is_some_and(|wrote| !wrote.load(Ordering::Acquire))
    }

    /// Say that the request writes.
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
