//! What a rollout has changed, and has to change back.

use std::collections::{BTreeMap, BTreeSet};

use crate::rollout::control::log::Entry;
use crate::rollout::control::rollouts::{Phase, Rollout};

/// What the reason of an entry begins with that undoes others.
pub(super) const UNDONE: &str = "undone: ";

/// What the reason of an entry begins with that filled a region.
const FILLED: &str = "as region ";

/// Returns the reason of an entry that fills a region with what `from` runs.
#[must_use]
pub fn filled_from(from: &str) -> String {
    format!("{FILLED}{from} runs it")
}

/// Whether the entry filled its region. Nothing ran there before, and the region
/// is to run all that it was filled with: taken back, it would take customers
/// without it.
pub(super) fn is_filled(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.reason.starts_with(FILLED)
}

/// Whether all that the rollout changed goes back when it fails: a canary is on
/// trial, or comes to be, and regions that ran nothing before have its release
/// already.
pub(super) fn goes_back_whole(rollout: &Rollout) -> bool {
    rollout.is_trial() && matches!(rollout.phase, Phase::Running | Phase::Canary)
}

/// Whether the rollout wrote a region's last entry, and not to undo another.
pub(in crate::rollout) fn is_changed(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && !head.reason.starts_with(UNDONE)
}

/// Whether it wrote that entry to undo another.
pub(super) fn is_undone(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.reason.starts_with(UNDONE)
}

/// Returns what a rollout that failed has still to undo: the region that it
/// changed last, those `in_failed` (where it failed after they had passed), and
/// every canary. What filled a region stays.
pub(in crate::rollout) fn failed<'a>(
    rollout: &Rollout,
    heads: &'a BTreeMap<String, Entry>,
    in_failed: &BTreeSet<String>,
) -> Option<&'a Entry> {
    let on_trial = |head: &&Entry| head.wanted.canary.is_some();
    let has_begun = heads
        .values()
        .any(|head| head.rollout == rollout.id && !is_changed(rollout, head));
    let regions = rollout.regions.iter().rev();
    let mut changed = regions
        .filter_map(|region| heads.get(region))
        .filter(|head| is_changed(rollout, head) && !on_trial(head))
        .filter(|head| !is_filled(rollout, head));
    let next = match has_begun {
        false => changed.next(),
        true => changed.find(|head| in_failed.contains(&head.region)),
    };
    next.or_else(|| heads.values().find(on_trial))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::log::Wanted;
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
            wanted: Wanted::only(Some(Digest::of(b"new"))),
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
    fn a_rollout_on_trial_goes_back_whole() {
        let on_trial = |percent, phase| {
            goes_back_whole(&Rollout {
                canary_percent: percent,
                phase,
                ..rollout()
            })
        };
        assert!(on_trial(10, Phase::Running) && on_trial(10, Phase::Canary));
        assert!(!on_trial(0, Phase::Running) && !on_trial(10, Phase::Promoting));
    }
}
