//! Counters of this node's decisions about canaries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Decision about a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Withdrawal, because the canary analysis found the canary worse.
    Withdrawn,
    /// Withdrawal, because an external check asked for it.
    CheckWithdrew,
    /// Advance to the next step, with a larger share of clients.
    Raised,
    /// Promotion without an operator.
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

    /// Returns the name of the decision in metrics.
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

/// Counts of decisions by plugin, since the node started.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<BTreeMap<(String, Decision), u64>>);

impl Decisions {
    /// Counts a decision.
    pub fn count(&self, plugin: &str, decision: Decision) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((plugin.to_owned(), decision)).or_default() += 1;
    }

    /// Sets the counts of a plugin's decisions to 0 if there are none, so that
    /// metrics have them before the first decision.
    pub fn begin(&self, plugin: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for decision in Decision::ALL {
            counts.entry((plugin.to_owned(), decision)).or_default();
        }
    }

    /// Returns the plugins that have counts.
    #[must_use]
    pub fn plugins(&self) -> BTreeSet<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.keys().map(|(plugin, _)| plugin.clone()).collect()
    }

    /// Returns the number of times that this was decided about `plugin`.
    #[must_use]
    pub fn of(&self, plugin: &str, decision: Decision) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (plugin.to_owned(), decision);
        counts.get(&key).copied().unwrap_or_default()
    }
}
