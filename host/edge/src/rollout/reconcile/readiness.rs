//! Decides whether a node is ready for requests of clients.
//!
//! A node that is alive but serves none of the plugins that its region's log
//! asks for is not ready: a load balancer that sent it requests would get a
//! 404.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::rollout::control::log::Entry;
use crate::rollout::report::State;

/// Readiness of a node, with the plugins that are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// True if clients may be sent to the node.
    pub ready: bool,
    /// Messages about what is missing. A node that is ready in spite of some is
    /// degraded.
    pub missing: Vec<String>,
}

/// Inputs of the decision whether a node is ready.
pub(super) struct Known<'a> {
    pub region: &'a str,
    /// Last entry of every plugin in the region's log.
    pub entries: &'a BTreeMap<String, Entry>,
    /// Plugins that the node serves, with any release.
    pub serves: &'a BTreeSet<String>,
    /// State of the plugins whose desired release the node does not serve.
    pub pending: &'a BTreeMap<String, (State, Cause)>,
    /// Another region that runs plugins, looked up if this one runs none.
    pub other_region: Option<&'a str>,
    /// True if the node was ready before.
    pub was_ready: bool,
}

/// Cause why a release does not serve, as far as readiness depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cause {
    /// A store that the release needs does not answer. All nodes of the shop
    /// would be affected, so the node stays in service.
    Store,
    /// Any other cause.
    #[default]
    Other,
}

impl Readiness {
    /// Returns the readiness of a node that has not read its region's log yet.
    fn unknown() -> Self {
        Self {
            ready: false,
            missing: vec!["the release log has not been read yet".to_owned()],
        }
    }
}

/// Returns whether a node is ready, and what is missing.
///
/// A node becomes ready once every plugin that the log asks for is served by
/// some release, possibly an older one if the desired one failed. A plugin
/// whose store is down is left out. From then on, the node stays ready while it
/// serves any of the plugins, so that a plugin that is new in a region takes no
/// node out of service.
pub(super) fn decide(known: &Known<'_>) -> Readiness {
    let desired = known
        .entries
        .iter()
        .filter(|(_, entry)| entry.desired.active.is_some());
    let desired: Vec<_> = desired.map(|(plugin, _)| plugin).collect();
    if desired.is_empty() {
        return Readiness {
            ready: false,
            missing: vec![nothing(known)],
        };
    }
    let (served, absent): (Vec<_>, Vec<_>) = desired
        .into_iter()
        .partition(|plugin| known.serves.contains(*plugin));
    let may_lack = |plugin: &&String| {
        let pending = known.pending.get(*plugin);
        known.was_ready || pending.is_some_and(|(_, cause)| *cause == Cause::Store)
    };
    Readiness {
        ready: !served.is_empty() && absent.iter().all(may_lack),
        missing: absent.iter().map(|plugin| why(known, plugin)).collect(),
    }
}

/// Returns the message for a region whose log asks for no plugin.
fn nothing(known: &Known<'_>) -> String {
    let region = known.region;
    match known.other_region {
        Some(other) => format!(
            "region {region} runs nothing; `edge region fill {region} --from {other}` has it run \
             what {other} runs"
        ),
        None => "nothing was deployed yet; `edge deploy` does that".to_owned(),
    }
}

/// Returns the message about a missing plugin, without the reason of its
/// failure: that is for operators, in `edge status`.
fn why(known: &Known<'_>, plugin: &str) -> String {
    match known.pending.get(plugin) {
        Some((State::Failed, Cause::Store)) => {
            format!("plugin {plugin} waits for its store")
        }
        Some((State::Failed, Cause::Other)) => {
            format!("plugin {plugin} cannot serve; `edge status` says why")
        }
        _ => format!("plugin {plugin} is made ready"),
    }
}

/// Latest readiness of a node, shared with the probes.
pub struct ReadinessCell(ArcSwap<Readiness>);

impl Default for ReadinessCell {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(Readiness::unknown()))
    }
}

impl ReadinessCell {
    /// Returns the latest readiness.
    #[must_use]
    pub fn get(&self) -> Arc<Readiness> {
        self.0.load_full()
    }

    /// Stores a readiness, and logs it if it has changed.
    pub(in crate::rollout) fn set(&self, readiness: Readiness) {
        let before = self.0.load();
        if **before == readiness {
            return;
        }
        let missing = readiness.missing.join("; ");
        match (readiness.ready, readiness.missing.is_empty()) {
            (true, true) => tracing::info!("this node takes customers"),
            (true, false) => tracing::warn!("this node takes customers, but {missing}"),
            (false, _) => tracing::warn!("this node takes no customers: {missing}"),
        }
        self.0.store(Arc::new(readiness));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::log::DesiredState;
    use bundle::Digest;

    fn entry(plugin: &str, active: bool) -> (String, Entry) {
        let entry = Entry {
            region: "eu".to_owned(),
            plugin: plugin.to_owned(),
            revision: 1,
            desired: DesiredState::only(active.then(|| Digest::of(plugin.as_bytes()))),
            rollout: String::new(),
            author: String::new(),
            reason: String::new(),
            written_at: 0,
            age_ms: 0,
        };
        (plugin.to_owned(), entry)
    }

    fn decide_for(serves: &[&str], pending: &[(&str, State, Cause)], was_ready: bool) -> Readiness {
        let desired = [entry("a", true), entry("b", true), entry("gone", false)];
        let pending = pending
            .iter()
            .map(|(plugin, state, cause)| ((*plugin).to_owned(), (*state, *cause)));
        decide(&Known {
            region: "eu",
            entries: &BTreeMap::from(desired),
            serves: &serves.iter().map(|name| (*name).to_owned()).collect(),
            pending: &pending.collect(),
            other_region: None,
            was_ready,
        })
    }

    const FAILED: (State, Cause) = (State::Failed, Cause::Other);

    #[test]
    fn a_node_is_ready_once_it_serves_all_that_the_log_wants() {
        let ready = |serves: &[&str]| decide_for(serves, &[], false);
        assert_eq!(
            ready(&["a", "b"]),
            Readiness {
                ready: true,
                missing: vec![]
            }
        );
        let partly = ready(&["a"]);
        assert!(!partly.ready);
        assert_eq!(partly.missing, ["plugin b is made ready"]);
        let failed = decide_for(&["a"], &[("b", FAILED.0, FAILED.1)], false);
        assert!(!failed.ready);
        assert!(failed.missing[0].contains("cannot serve"), "{failed:?}");
    }

    #[test]
    fn a_release_that_failed_beside_an_older_one_takes_no_node_away() {
        let failed = decide_for(&["a", "b"], &[("b", FAILED.0, FAILED.1)], false);
        assert!(failed.ready && failed.missing.is_empty());
    }

    #[test]
    fn a_store_that_is_down_and_a_new_plugin_take_no_node_away() {
        let store = decide_for(&["a"], &[("b", State::Failed, Cause::Store)], false);
        assert!(store.ready);
        assert_eq!(store.missing, ["plugin b waits for its store"]);
        let new = decide_for(&["a"], &[("b", State::Preparing, Cause::Other)], true);
        assert!(new.ready);
        assert_eq!(new.missing, ["plugin b is made ready"]);
        assert!(!decide_for(&[], &[("b", State::Failed, Cause::Store)], true).ready);
    }

    #[test]
    fn a_node_with_nothing_to_serve_is_not_ready_and_says_what_to_do() {
        let nothing = |other_region| {
            let readiness = decide(&Known {
                region: "eu",
                entries: &BTreeMap::from([entry("gone", false)]),
                serves: &BTreeSet::new(),
                pending: &BTreeMap::new(),
                other_region,
                was_ready: true,
            });
            assert!(!readiness.ready);
            readiness.missing.concat()
        };
        assert!(nothing(Some("us")).contains("`edge region fill eu --from us`"));
        assert!(nothing(None).contains("`edge deploy`"));
    }
}
