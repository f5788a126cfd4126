//! Counters that plugins declare. Names, labels and values are fixed when a release is loaded, so
//! counting is one addition.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bundle::CounterDeclaration;

/// A counter, with a count for each combination of its labels' values.
#[derive(Debug)]
pub struct Counter {
    declared: CounterDeclaration,
    counts: Vec<AtomicU64>,
}

/// Error of adding to a counter with labels that it does not declare.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// The counter has other labels: these.
    #[error("it has the labels {0:?}")]
    Labels(Vec<String>),
    /// The label does not declare the value.
    #[error("its label {label} has no value {value:?}")]
    Value {
        /// Name of the label.
        label: String,
        /// Value that is not declared.
        value: String,
    },
}

impl Counter {
    /// Returns a counter with all counts 0.
    #[must_use]
    pub fn new(declared: CounterDeclaration) -> Self {
        let mut counts = Vec::new();
        counts.resize_with(declared.series(), AtomicU64::default);
        Self { declared, counts }
    }

    /// Returns the declaration of the counter.
    #[must_use]
    pub fn declared(&self) -> &CounterDeclaration {
        &self.declared
    }

    /// Adds `n` to the count of these labels.
    ///
    /// # Errors
    /// When `labels` are not exactly the declared ones, or a value is not declared.
    pub fn add(&self, labels: &[(String, String)], n: u64) -> Result<(), CountError> {
        let count = self.counts.get(self.place(labels)?);
        if let Some(count) = count {
            count.fetch_add(n, Relaxed);
        }
        Ok(())
    }

    /// Returns every combination of values, in the order of the labels' names, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<(&str, &str)>, u64)> {
        let counts = self.counts.iter().enumerate();
        counts.map(|(place, count)| (self.labels_of(place), count.load(Relaxed)))
    }

    /// Returns the index of a combination of values: that of the last label changes fastest.
    fn place(&self, labels: &[(String, String)]) -> Result<usize, CountError> {
        let declared = &self.declared.labels;
        let wrong = || CountError::Labels(declared.keys().cloned().collect());
        if labels.len() != declared.len() {
            return Err(wrong());
        }
        let mut place = 0;
        for (label, values) in declared {
            let (_, value) = labels
                .iter()
                .find(|(name, _)| name == label)
                .ok_or_else(wrong)?;
            let position = values.iter().position(|known| known == value);
            let position = position.ok_or_else(|| CountError::Value {
                label: label.clone(),
                value: value.clone(),
            })?;
            place = place * values.len() + position;
        }
        Ok(place)
    }

    fn labels_of(&self, mut place: usize) -> Vec<(&str, &str)> {
        let mut labels = Vec::with_capacity(self.declared.labels.len());
        for (label, values) in self.declared.labels.iter().rev() {
            let value = values.get(place % values.len().max(1));
            place /= values.len().max(1);
            labels.push((label.as_str(), value.map_or("", String::as_str)));
        }
        labels.reverse();
        labels
    }
}

/// Plugin release that owns a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
}

/// Counters of one release, by name.
pub type Counters = Arc<BTreeMap<String, Arc<Counter>>>;

/// Counters of all plugins that a node has served. A version that is served again continues its
/// counts.
#[derive(Debug, Default)]
pub struct Registry(Mutex<BTreeMap<(String, Owner), Arc<Counter>>>);

impl Registry {
    /// Returns the counters of a release, and registers those that are new. A counter of the same
    /// version with another declaration is replaced.
    pub fn declare(
        &self,
        owner: &Owner,
        declared: &BTreeMap<String, CounterDeclaration>,
    ) -> Counters {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = declared.iter().map(|(name, declared)| {
            let counter = known.entry((name.clone(), owner.clone()));
            let counter = counter.or_insert_with(|| Arc::new(Counter::new(declared.clone())));
            if counter.declared() != declared {
                *counter = Arc::new(Counter::new(declared.clone()));
            }
            (name.clone(), counter.clone())
        });
        Arc::new(counters.collect())
    }

    /// Returns all counters, by name and owner.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Owner, Arc<Counter>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.iter();
        all.map(|((name, owner), counter)| (name.clone(), owner.clone(), counter.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(labels: &[(&str, &[&str])]) -> CounterDeclaration {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        CounterDeclaration {
            help: "Things.".to_owned(),
            labels: labels
                .iter()
                .map(|(label, values)| ((*label).to_owned(), owned(values)))
                .collect(),
        }
    }

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn each_choice_of_values_has_its_count() {
        let counter = Counter::new(declared(&[("a", &["1", "2"]), ("b", &["x", "y", "z"])]));
        counter
            .add(&labels(&[("b", "y"), ("a", "2")]), 7)
            .expect("declared");
        counter
            .add(&labels(&[("a", "1"), ("b", "z")]), 1)
            .expect("declared");
        let counted: Vec<_> = counter.iter().filter(|(_, count)| *count > 0).collect();
        let wanted = [
            (vec![("a", "1"), ("b", "z")], 1),
            (vec![("a", "2"), ("b", "y")], 7),
        ];
        assert_eq!(counted, wanted);
        assert_eq!(counter.iter().count(), 6);
    }

    #[test]
    fn what_was_not_declared_is_not_counted() {
        let counter = Counter::new(declared(&[("a", &["1"])]));
        let refused = [
            labels(&[]),
            labels(&[("b", "1")]),
            labels(&[("a", "2")]),
            labels(&[("a", "1"), ("a", "1")]),
        ];
        for labels in refused {
            assert!(counter.add(&labels, 1).is_err(), "{labels:?}");
        }
        assert_eq!(counter.iter().map(|(_, count)| count).sum::<u64>(), 0);
        assert_eq!(Counter::new(declared(&[])).add(&[], 1), Ok(()));
    }

    #[test]
    fn a_version_that_comes_back_counts_on() {
        let registry = Registry::default();
        let owner = Owner {
            plugin: "p".to_owned(),
            version: "1".to_owned(),
        };
        let one = BTreeMap::from([("x_total".to_owned(), declared(&[]))]);
        let first = registry.declare(&owner, &one);
        first["x_total"].add(&[], 3).expect("declared");
        let again = registry.declare(&owner, &one);
        assert_eq!(
            again["x_total"].iter().next().map(|(_, count)| count),
            Some(3)
        );
        let other = BTreeMap::from([("x_total".to_owned(), declared(&[("a", &["1"])]))]);
        registry.declare(&owner, &other);
        let shown = registry.all();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].2.declared().labels.len(), 1);
    }
}
