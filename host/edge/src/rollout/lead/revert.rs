//! Selection of the entries of a rollout that have to be reverted.

use std::collections::{BTreeMap, BTreeSet};

use crate::rollout::control::log::{Entry, EntryKind};
use crate::rollout::control::rollouts::Rollout;

/// Returns whether the entry filled its region, which ran nothing before. Such an entry is not
/// reverted: the region is to run all that it was filled with, and would otherwise serve customers
/// without the plugin.
pub(super) fn is_filled(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.kind() == EntryKind::Fill
}

/// Returns whether a failure reverts all changes of the rollout, which is so for a rollout with a
/// canary until its promotion: regions that ran nothing before already have the release as active.
pub(super) fn goes_back_whole(rollout: &Rollout) -> bool {
    rollout.has_canary() && rollout.phase.precedes_promotion()
}

/// Returns whether the rollout wrote the region's last entry, other than to revert another.
pub(in crate::rollout) fn is_changed(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.kind() != EntryKind::Reversal
}

/// Returns whether the rollout wrote the region's last entry to revert another.
pub(super) fn is_reverted(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.kind() == EntryKind::Reversal
}

/// Returns the next entry that a failed rollout has to revert: of the region that it changed last,
/// of the regions `in_failed`, in which it failed after they had passed, or of any canary. Entries
/// that filled a region stay.
pub(in crate::rollout) fn failed<'a>(
    rollout: &Rollout,
    heads: &'a BTreeMap<String, Entry>,
    in_failed: &BTreeSet<String>,
) -> Option<&'a Entry> {
    let has_canary = |head: &&Entry| head.desired.canary.is_some();
    let has_begun = heads
        .values()
        .any(|head| head.rollout == rollout.id && !is_changed(rollout, head));
    let regions = rollout.regions.iter().rev();
    let mut changed = regions
        .filter_map(|region| heads.get(region))
        .filter(|head| is_changed(rollout, head) && !has_canary(head))
        .filter(|head| !is_filled(rollout, head));
    let next = match has_begun {
        false => changed.next(),
        true => changed.find(|head| in_failed.contains(&head.region)),
    };
    next.or_else(|| heads.values().find(has_canary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::log::{DesiredState, filled_from};
    use crate::rollout::control::rollouts::Phase;
    use bundle::Digest;

    fn rollout() -> Rollout {
        Rollout {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            digest: Some(Digest::of(b"new")),
            regions: ["a", "b", "c"].map(str::to_owned).to_vec(),
            canary_percent: 0,
            pause_ms: 0,
            phase: Phase::Failing,
            reason: String::new(),
            author: "tester".to_owned(),
            started_at: 0,
            changed_at: 0,
        }
    }

    fn head(region: &str, reason: &str) -> (String, Entry) {
        let head = Entry {
            region: region.to_owned(),
            plugin: "hello".to_owned(),
            revision: 2,
            desired: DesiredState::only(Some(Digest::of(b"new"))),
            rollout: "1".to_owned(),
            author: "tester".to_owned(),
            reason: reason.to_owned(),
            written_at: 0,
            age_ms: 0,
        };
        (region.to_owned(), head)
    }

    #[test]
    fn the_last_region_goes_back_and_those_in_which_it_failed() {
        let in_failed = |regions: &[&str]| regions.iter().map(|r| (*r).to_owned()).collect();
        let mut heads = BTreeMap::from(["a", "b", "c"].map(|region| head(region, "")));
        let undone = |heads: &BTreeMap<_, _>, regions: &[&str]| {
            let found = failed(&rollout(), heads, &in_failed(regions));
            found.map(|head: &Entry| head.region.clone())
        };
        assert_eq!(undone(&heads, &["a"]).as_deref(), Some("c"));
        heads.extend([head("c", "undone: it failed")]);
        assert_eq!(undone(&heads, &["a"]).as_deref(), Some("a"));
        assert_eq!(undone(&heads, &["c"]), None);
        heads.extend([head("a", "undone: it failed")]);
        assert_eq!(undone(&heads, &["a"]), None);
    }

    #[test]
    fn what_filled_a_region_stays() {
        let all = ["a"].map(str::to_owned).into();
        let heads = BTreeMap::from([head("a", &filled_from("b"))]);
        assert!(failed(&rollout(), &heads, &all).is_none());
        let heads = BTreeMap::from([head("a", "")]);
        assert!(failed(&rollout(), &heads, &all).is_some());
    }

    #[test]
    fn a_rollout_with_a_canary_goes_back_whole() {
        let has_canary = |percent, phase| {
            goes_back_whole(&Rollout {
                canary_percent: percent,
                phase,
                ..rollout()
            })
        };
        assert!(has_canary(10, Phase::Running) && has_canary(10, Phase::Canary));
        assert!(!has_canary(0, Phase::Running) && !has_canary(10, Phase::Promoting));
    }
}
