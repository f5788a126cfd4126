//! Counters that a plugin declares in its manifest.

use std::collections::BTreeMap;

/// A counter: its help text and its labels. Both are fixed when a release is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterDeclaration {
    /// What it counts, for people.
    pub help: String,
    /// Its labels, each with the values that it may have.
    pub labels: BTreeMap<String, Vec<String>>,
}

impl CounterDeclaration {
    /// How many series it has.
    #[must_use]
    pub fn series(&self) -> usize {
        let values = self.labels.values().map(Vec::len);
        values.fold(1, usize::saturating_mul)
    }
}
