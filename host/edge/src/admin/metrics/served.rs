//! Releases that serve, with the labels of their series.

use std::sync::Arc;

use prometheus::proto::Metric;

use super::families::{Labels, label, labels};
use crate::guest::{Interface, Operation, Stats};
use crate::rollout::{Release, ServingState};

/// A release that serves.
pub(super) struct Served {
    pub(super) release: Arc<Release>,
    role: &'static str,
}

impl Served {
    /// Returns all releases that a node serves, with their canaries.
    pub(super) fn all(live: &ServingState) -> Vec<Self> {
        let plugins: Vec<_> = live.serving().plugins.values().cloned().collect();
        let mut served = Vec::new();
        for plugin in &plugins {
            let trial = plugin.canary.as_ref();
            served.push(Self {
                release: plugin.active.clone(),
                role: "active",
            });
            served.extend(trial.map(|trial| Self {
                release: trial.release.clone(),
                role: "canary",
            }));
        }
        served
    }

    pub(super) fn stats(&self) -> &Stats {
        self.release.plugin.stats()
    }

    pub(super) fn labels(&self) -> Labels {
        let manifest = &self.release.manifest;
        labels([
            ("plugin", &*manifest.name),
            ("version", &*self.release.version),
            ("role", self.role),
        ])
    }

    pub(super) fn identity(&self) -> Labels {
        let mut labels = self.labels();
        labels.push(label("digest", &self.release.digest.to_string()));
        labels
    }

    /// Returns the durations of host calls on the interfaces that `wanted`
    /// selects, labelled by `more` and by outcome.
    pub(super) fn operations<'a>(
        &'a self,
        wanted: impl Fn(Interface) -> bool + 'a,
        more: impl Fn(Operation) -> Labels + 'a,
    ) -> impl Iterator<Item = Metric> + 'a {
        let all = self.stats().host_calls().iter();
        let all = all.filter(move |(operation, ..)| wanted(operation.interface()));
        all.map(move |(operation, end, timing)| {
            let mut labels = self.labels();
            labels.extend(more(operation));
            labels.push(label("outcome", end.name()));
            timing.metric(labels)
        })
    }
}
