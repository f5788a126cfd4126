//! A plugin as a node serves it: its active release, and perhaps another one
//! on trial.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::release::Release;
use crate::guest::{Cohort, Sample};
use crate::rollout::canary::{CALLS, Comparison, Side, Thresholds, Totals};
use crate::rollout::control::log::Wanted;
use crate::rollout::report::ReleaseReport;
use crate::runtime::Provider;

/// A plugin that serves.
pub struct ActivePlugin {
    /// The log's revision that asked for it; 0 if none did.
    pub revision: i64,
    /// What it asked for.
    pub wanted: Wanted,
    /// The release that serves.
    pub active: Arc<Release>,
    /// Another one on trial.
    pub trial: Option<Canary>,
    /// What served before, as it was when it no longer did.
    pub before: Option<ReleaseReport>,
    /// Since when this serves.
    pub since: Instant,
}

/// A release on trial.
pub struct Canary {
    /// The release.
    pub release: Arc<Release>,
    /// Of a hundred clients, so many meet it.
    pub percent: u8,
    /// What it, and the active release, had answered when the trial began.
    began: (Sample, Sample),
    /// What both have answered side by side since. Once that says that the
    /// release does worse, it answers nobody any more.
    comparison: Arc<Comparison>,
}

impl Canary {
    /// Begin the trial of `release` beside `active`.
    #[must_use]
    pub fn new(
        release: Arc<Release>,
        percent: u8,
        active: &Release,
        thresholds: Thresholds,
    ) -> Self {
        let began = (
            release.plugin.stats().sample(),
            active.plugin.stats().sample(),
        );
        let trial = Self {
            release,
            percent,
            began,
            comparison: Arc::new(Comparison::new(thresholds)),
        };
        trial.observe_calls(active);
        trial
    }

    /// Tells the trial how many live nodes the shop has.
    pub fn set_nodes(&self, nodes: usize) {
        self.comparison.set_nodes(nodes);
    }

    /// Goes on where `other`, a trial of the same two releases, has come to.
    fn carry_on(&mut self, other: &Self, active: &Release) {
        self.began = other.began.clone();
        self.comparison = other.comparison.clone();
        if self.percent != other.percent {
            self.comparison.begin_step();
        }
        self.observe_calls(active);
    }

    /// Compares calls by other plugins, which come by no route.
    fn observe_calls(&self, active: &Release) {
        let sides = [(&*self.release, Side::Canary), (active, Side::Active)];
        for (release, side) in sides {
            // Ended trials are not kept by the release that goes on.
            let comparison = Arc::downgrade(&self.comparison);
            release.plugin.stats().observe_calls(move |took, failed| {
                if let Some(comparison) = comparison.upgrade() {
                    comparison.count(CALLS, side, took, failed);
                }
            });
        }
    }
}

impl ActivePlugin {
    /// A plugin that serves from now on, as the log's `revision` asks for it.
    #[must_use]
    pub fn new(revision: i64, wanted: Wanted, active: Arc<Release>, trial: Option<Canary>) -> Self {
        Self {
            revision,
            wanted,
            active,
            trial,
            before: None,
            since: Instant::now(),
        }
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.active.manifest.name
    }

    /// The same, as that revision of the log asks for it.
    #[must_use]
    pub fn at_revision(&self, revision: i64) -> Self {
        Self {
            revision,
            wanted: self.wanted.clone(),
            active: self.active.clone(),
            trial: self.trial.as_ref().map(|trial| Canary {
                release: trial.release.clone(),
                percent: trial.percent,
                began: trial.began.clone(),
                comparison: trial.comparison.clone(),
            }),
            before: self.before.clone(),
            since: self.since,
        }
    }

    /// The releases that serve.
    pub fn releases(&self) -> impl Iterator<Item = &Arc<Release>> {
        let trial = self.trial.as_ref().map(|trial| &trial.release);
        std::iter::once(&self.active).chain(trial)
    }

    /// The release that answers `path` to a client with this draw; none if
    /// its manifest does not claim the path.
    #[must_use]
    pub fn choose(&self, path: &str, draw: Cohort) -> Option<&Arc<Release>> {
        let Some(trial) = &self.trial else {
            return Some(&self.active);
        };
        let meets = draw.is_within(trial.percent) && trial.comparison.withdrawn().is_none();
        let release = if meets { &trial.release } else { &self.active };
        release.claims(path).then_some(release)
    }

    /// As other plugins find it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let trial = self.trial.as_ref();
        Provider {
            active: self.active.plugin.clone(),
            trial: trial.map(|trial| (trial.release.plugin.clone(), trial.percent)),
        }
    }

    /// What the release on trial and the active one have answered since the
    /// trial began.
    #[must_use]
    pub fn compared(&self) -> Option<(Sample, Sample)> {
        let trial = self.trial.as_ref()?;
        let (new, old) = &trial.began;
        Some((
            trial.release.plugin.stats().sample().since(new),
            self.active.plugin.stats().sample().since(old),
        ))
    }

    /// Goes on with the trial of `before`, if it is of the same two releases:
    /// a change of the canary's share loses no evidence.
    pub fn carry_on(&mut self, before: &Self) {
        let (Some(trial), Some(other)) = (&mut self.trial, &before.trial) else {
            return;
        };
        let is_same = Arc::ptr_eq(&trial.release, &other.release)
            && Arc::ptr_eq(&self.active, &before.active);
        if is_same {
            trial.carry_on(other, &self.active);
        }
    }

    /// Counts a request of `route` that `release` answered, while there is a
    /// trial. Returns whether that made this node withdraw the canary.
    #[must_use]
    pub fn count(&self, route: &str, release: &Arc<Release>, took: Duration, failed: bool) -> bool {
        let Some(trial) = &self.trial else {
            return false;
        };
        let side = match Arc::ptr_eq(release, &trial.release) {
            true => Side::Canary,
            false => Side::Active,
        };
        trial.comparison.count(route, side, took, failed)
    }

    /// Returns what the trial has compared so far on this node, and how many
    /// requests of the canary at its present step.
    #[must_use]
    pub fn totals(&self) -> Option<(Totals, u64)> {
        let comparison = &self.trial.as_ref()?.comparison;
        let totals = comparison.totals();
        let at_step = comparison.compared_at_step(&totals);
        Some((totals, at_step))
    }

    /// Returns in what way the release on trial does worse on this node, if it
    /// does.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let comparison = &self.trial.as_ref()?.comparison;
        // Blocks may have ended since the last request.
        let _ = comparison.totals();
        comparison.withdrawn().map(str::to_owned)
    }
}
