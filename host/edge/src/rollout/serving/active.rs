//! A plugin on a node: its active release and, possibly, a canary beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::release::Release;
use crate::guest::{Cohort, Sample};
use crate::rollout::canary::{CALLS, Comparison, Side, Thresholds, Totals};
use crate::rollout::control::log::Wanted;
use crate::rollout::report::ReleaseReport;
use crate::runtime::Provider;

/// Plugin that serves requests on this node.
pub struct ActivePlugin {
    /// Revision of the release log that asks for these releases; 0 if no entry
    /// does.
    pub revision: i64,
    /// Desired releases according to that revision.
    pub wanted: Wanted,
    /// Active release.
    pub active: Arc<Release>,
    /// Canary, if there is one.
    pub trial: Option<Canary>,
    /// Report of the previously active release, taken when it was replaced.
    pub before: Option<ReleaseReport>,
    /// Time at which these releases began to serve.
    pub since: Instant,
}

/// Plugins that serve, by name.
pub type Plugins = BTreeMap<String, Arc<ActivePlugin>>;

/// Canary: a release that answers a share of the clients beside the active
/// release.
pub struct Canary {
    /// Release that is the canary.
    pub release: Arc<Release>,
    /// Percentage of clients that get the canary.
    pub percent: u8,
    /// Counts of the canary and of the active release when the canary began.
    began: (Sample, Sample),
    /// Comparison of the two releases since the canary began. Once it finds the
    /// canary worse, the canary gets no more clients.
    comparison: Arc<Comparison>,
}

impl Canary {
    /// Returns a canary of `release` beside `active`, whose comparison begins
    /// now.
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

    /// Sets the number of the shop's live nodes, which share the bound on false
    /// alarms.
    pub fn set_nodes(&self, nodes: usize) {
        self.comparison.set_nodes(nodes);
    }

    /// Continues the comparison of `other`, a canary of the same two releases.
    fn carry_on(&mut self, other: &Self, active: &Release) {
        self.began = other.began.clone();
        self.comparison = other.comparison.clone();
        if self.percent != other.percent {
            self.comparison.begin_step();
        }
        self.observe_calls(active);
    }

    /// Counts calls by other plugins, which have no route, in the comparison.
    fn observe_calls(&self, active: &Release) {
        let sides = [(&*self.release, Side::Canary), (active, Side::Active)];
        for (release, side) in sides {
            // A weak reference, so that the release which keeps serving does
            // not keep the comparison of an ended canary.
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
    /// Returns a plugin that serves from now on, as the log's `revision` asks
    /// for it.
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

    /// Returns the name of the plugin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.active.manifest.name
    }

    /// Returns a copy of the plugin with another revision of the log. The
    /// comparison is shared.
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

    /// Returns the releases that serve: the active one and, if there is one,
    /// the canary.
    pub fn releases(&self) -> impl Iterator<Item = &Arc<Release>> {
        let trial = self.trial.as_ref().map(|trial| &trial.release);
        std::iter::once(&self.active).chain(trial)
    }

    /// Returns the release that answers `path` for a client of this cohort;
    /// `None` if there is a canary and the manifest of the chosen release does
    /// not claim the path.
    #[must_use]
    pub fn choose(&self, path: &str, draw: Cohort) -> Option<&Arc<Release>> {
        let Some(trial) = &self.trial else {
            return Some(&self.active);
        };
        let meets = draw.is_within(trial.percent) && trial.comparison.withdrawn().is_none();
        let release = if meets { &trial.release } else { &self.active };
        release.claims(path).then_some(release)
    }

    /// Returns the plugin as a provider of interfaces for other plugins.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let provider = Provider::new(self.active.plugin.clone());
        match &self.trial {
            Some(trial) => provider.with_canary(trial.release.plugin.clone(), trial.percent),
            None => provider,
        }
    }

    /// Returns the counts of the canary and of the active release since the
    /// canary began; `None` without a canary.
    #[must_use]
    pub fn compared(&self) -> Option<(Sample, Sample)> {
        let trial = self.trial.as_ref()?;
        let (new, old) = &trial.began;
        Some((
            trial.release.plugin.stats().sample().since(new),
            self.active.plugin.stats().sample().since(old),
        ))
    }

    /// Continues the comparison of `before`, if its canary and active release
    /// are the same, so that a change of the canary's share loses no evidence.
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

    /// Counts a request of `route` that `release` answered, if there is a
    /// canary. Returns whether that made this node withdraw the canary.
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

    /// Returns the totals that this node has compared so far, and the number of
    /// the canary's requests that were compared at its present step; `None`
    /// without a canary.
    #[must_use]
    pub fn totals(&self) -> Option<(Totals, u64)> {
        let comparison = &self.trial.as_ref()?.comparison;
        let totals = comparison.totals();
        let at_step = comparison.compared_at_step(&totals);
        Some((totals, at_step))
    }

    /// Returns the reason why this node found the canary worse, if it did.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let comparison = &self.trial.as_ref()?.comparison;
        // Blocks may have ended since the last request.
        let _ = comparison.totals();
        comparison.withdrawn().map(str::to_owned)
    }
}
