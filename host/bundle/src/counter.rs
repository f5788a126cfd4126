//! Counters that a plugin declares in its manifest.

use std::collections::BTreeMap;

/// Declaration of a counter, fixed when a release is loaded. Its name is the key under which the
/// manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterDeclaration {
    /// Help text of the counter.
    pub help: String,
    /// Labels of the counter, each with all values that it may have.
    pub labels: BTreeMap<String, Vec<String>>,
}

impl CounterDeclaration {
    /// Returns the number of series: the product of the numbers of values of the labels.
    #[must_use]
    pub fn series(&self) -> usize {
        let values = self.labels.values().map(Vec::len);
        values.fold(1, usize::saturating_mul)
    }
}
