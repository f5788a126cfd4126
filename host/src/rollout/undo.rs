//! What a rollout has changed, and has to change back.

use std::collections::BTreeMap;

use super::control::log::Entry;
use super::control::rollouts::Rollout;

/// What the reason of an entry begins with that undoes others.
pub(super) const UNDONE: &str = "undone: ";

/// Whether the rollout wrote a region's last entry, and not to undo another.
pub(super) fn is_changed(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && !head.reason.starts_with(UNDONE)
}

/// Whether it wrote that entry to undo another.
pub(super) fn is_undone(rollout: &Rollout, head: &Entry) -> bool {
    head.rollout == rollout.id && head.reason.starts_with(UNDONE)
}

/// What a rollout that failed has still to undo: the region that it changed
/// last, which is the one that failed, and every canary.
pub(super) fn failed<'a>(
    rollout: &Rollout,
    heads: &'a BTreeMap<String, Entry>,
) -> Option<&'a Entry> {
    let on_trial = |head: &&Entry| head.wanted.canary.is_some();
    let began = heads
        .values()
        .any(|head| head.rollout == rollout.id && !is_changed(rollout, head));
    let regions = rollout.regions.iter().rev();
    let last = regions
        .filter_map(|region| heads.get(region))
        .find(|head| is_changed(rollout, head) && !on_trial(head));
    let on_trial = heads.values().find(on_trial);
    match last.filter(|_| !began) {
        Some(last) => Some(last),
        None => on_trial,
    }
}
