//! Failures of the cache of compiled code: counted by operation, and raised as warnings.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::telemetry::NodeWarnings;

/// Operations on the cache, whose failures are counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheOperation {
    /// Opening the folder and the key, or creating them.
    Open,
    /// Reading a file.
    Read,
    /// Checking that a file's content is unchanged and can be loaded.
    Verify,
    /// Writing a file.
    Write,
}

impl CacheOperation {
    const ALL: [Self; 4] = [Self::Open, Self::Read, Self::Verify, Self::Write];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Verify => "verify",
            Self::Write => "write",
        }
    }

    /// Returns the name under which a failure of the operation is raised as a warning.
    fn subject(self) -> &'static str {
        match self {
            Self::Open => "compiled-code-cache",
            Self::Read => "compiled-code-cache-read",
            Self::Verify => "compiled-code-cache-verify",
            Self::Write => "compiled-code-cache-write",
        }
    }
}

/// Failures of the cache by operation, since the node started.
pub(super) struct CacheHealth {
    warnings: Arc<NodeWarnings>,
    errors: [AtomicU64; CacheOperation::ALL.len()],
}

impl CacheHealth {
    /// Returns the health of a cache without failures, whose failures are raised as `warnings`.
    pub(super) fn new(warnings: Arc<NodeWarnings>) -> Self {
        Self {
            warnings,
            errors: Default::default(),
        }
    }

    /// Returns the number of failures of each operation.
    pub(super) fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.errors.iter().map(|count| count.load(Relaxed));
        let operations = CacheOperation::ALL.into_iter();
        operations.map(CacheOperation::name).zip(counts)
    }

    /// Clears the warning of an operation that has succeeded.
    pub(super) fn succeeded(&self, operation: CacheOperation) {
        self.warnings.clear(operation.subject());
    }

    /// Counts a failure of an operation, and raises it as a warning.
    pub(super) fn failed(&self, operation: CacheOperation, error: &dyn Display) {
        self.count(operation);
        let text = format!(
            "compiled code is kept in memory alone, so the next start compiles again: {error}"
        );
        self.warnings.raise(operation.subject(), text);
    }

    /// Counts a failure of an operation.
    pub(super) fn count(&self, operation: CacheOperation) {
        let mut counts = CacheOperation::ALL.iter().zip(&self.errors);
        if let Some((_, count)) = counts.find(|(one, _)| **one == operation) {
            count.fetch_add(1, Relaxed);
        }
    }
}
