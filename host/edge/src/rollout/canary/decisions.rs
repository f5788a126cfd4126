//! Counts of what this node decided about canaries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// A decision about a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Withdrawn, since the canary analysis found it worse.
    Withdrawn,
    /// Withdrawn, since an outside check said so.
    CheckWithdrew,
    /// Led to the next step.
    Raised,
    /// Promoted without an operator.
    Promoted,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 4] = [
        Self::Withdrawn,
        Self::CheckWithdrew,
        Self::Raised,
        Self::Promoted,
    ];

    /// Returns the name that metrics have for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::CheckWithdrew => "check_withdrew",
            Self::Raised => "raised",
            Self::Promoted => "promoted",
        }
    }
}

/// Decisions by plugin, since the node started.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<BTreeMap<(String, Decision), u64>>);

impl Decisions {
    /// Counts a decision.
    pub fn count(&self, plugin: &str, decision: Decision) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((plugin.to_owned(), decision)).or_default() += 1;
    }

    /// Begins to count the decisions of a plugin, so that its counts are there,
    /// as 0, before the first one.
    pub fn begin(&self, plugin: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for decision in Decision::ALL {
            counts.entry((plugin.to_owned(), decision)).or_default();
        }
    }

    /// Returns the plugins of which anything is counted.
    #[must_use]
    pub fn plugins(&self) -> BTreeSet<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.keys().map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Returns how often this was decided of `plugin`.
    #[must_use]
    pub fn of(&self, plugin: &str, decision: Decision) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (plugin.to_owned(), decision);
        counts.get(&key).copied().unwrap_or_default()
    }
}
