//! Kind of change that an entry of the release log makes.
//!
//! The log has no column for it: hosts of every version tell the kinds apart by the beginning of
//! the reason, which is written and read here alone.

use super::entry::Entry;

/// Beginning of the reason of an entry that reverts another.
const REVERSAL: &str = "undone: ";

/// Beginning of the reason of an entry that filled a region.
const FILL: &str = "as region ";

/// Kind of change that an entry makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A deployment, a rollback or a removal.
    Change,
    /// The reversal of a change that failed or was aborted.
    Reversal,
    /// The first entry of a region that ran nothing before and runs what another region runs.
    Fill,
}

impl Entry {
    /// Returns the kind of change that the entry makes.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        match &self.reason {
            reason if reason.starts_with(REVERSAL) => EntryKind::Reversal,
            reason if reason.starts_with(FILL) => EntryKind::Fill,
            _ => EntryKind::Change,
        }
    }
}

/// Returns the reason of an entry that reverts a change for `reason`.
#[must_use]
pub fn reversal_for(reason: &str) -> String {
    format!("{REVERSAL}{reason}")
}

/// Returns the reason of an entry that fills a region with what the region `from` runs.
#[must_use]
pub fn filled_from(from: &str) -> String {
    format!("{FILL}{from} runs it")
}

/// Returns the `LIKE` pattern of the reasons of entries that filled a region.
pub(super) fn fill_pattern() -> String {
    format!("{FILL}%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::log::DesiredState;

    fn kind(reason: &str) -> EntryKind {
        let entry = Entry {
            region: "here".to_owned(),
            plugin: "hello".to_owned(),
            revision: 1,
            desired: DesiredState::default(),
            rollout: "1".to_owned(),
            author: "tester".to_owned(),
            reason: reason.to_owned(),
            written_at: 0,
            age_ms: 0,
        };
        entry.kind()
    }

    #[test]
    fn kinds_are_told_by_reasons() {
        assert_eq!(kind(""), EntryKind::Change);
        assert_eq!(kind("found in plugins/hello"), EntryKind::Change);
        assert_eq!(kind(&reversal_for("it failed")), EntryKind::Reversal);
        assert_eq!(kind(&reversal_for("")), EntryKind::Reversal);
        assert_eq!(kind(&filled_from("us-east")), EntryKind::Fill);
        assert_eq!(kind(&reversal_for(&filled_from("b"))), EntryKind::Reversal);
    }

    #[test]
    fn hosts_of_other_versions_read_the_reasons() {
        assert_eq!(reversal_for("it failed"), "undone: it failed");
        assert_eq!(filled_from("us-east"), "as region us-east runs it");
        assert_eq!(fill_pattern(), "as region %");
    }
}
