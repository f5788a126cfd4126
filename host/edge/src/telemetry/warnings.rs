//! Warnings about the node's present condition: each condition is logged when it begins and when it
//! ends, and is in the node's report in between.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Conditions of one node that need an operator's attention.
#[derive(Debug, Default)]
pub struct NodeWarnings {
    current: Mutex<BTreeMap<&'static str, String>>,
}

impl NodeWarnings {
    /// Notes that the condition `subject` holds, as `text` describes. The first call is logged as a
    /// warning; further ones, until [`clear`](Self::clear), only replace the text.
    pub fn raise(&self, subject: &'static str, text: String) {
        let is_new = !self.current().contains_key(subject);
        if is_new {
            tracing::warn!(subject, "{text}");
        } else {
            tracing::debug!(subject, "{text}");
        }
        self.current().insert(subject, text);
    }

    /// Notes that the condition `subject` no longer holds, which is logged if it did.
    pub fn clear(&self, subject: &'static str) {
        let was_raised = self.current().remove(subject).is_some();
        if was_raised {
            tracing::info!(subject, "the condition of an earlier warning is over");
        }
    }

    /// Returns the text of every condition that holds, in the order of their subjects.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.current().values().cloned().collect()
    }

    /// Returns the subject of every condition that holds. A subject names no path and no address,
    /// so it may be public.
    #[must_use]
    pub fn subjects(&self) -> Vec<&'static str> {
        self.current().keys().copied().collect()
    }

    fn current(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_told_with_its_last_text_until_it_is_over() {
        let warnings = NodeWarnings::default();
        warnings.raise("cache", "full".to_owned());
        warnings.raise("cache", "read-only".to_owned());
        warnings.raise("certificate", "expired".to_owned());
        assert_eq!(warnings.texts(), ["read-only", "expired"]);
        assert_eq!(warnings.subjects(), ["cache", "certificate"]);
        warnings.clear("cache");
        warnings.clear("cache");
        assert_eq!(warnings.texts(), ["expired"]);
    }
}
