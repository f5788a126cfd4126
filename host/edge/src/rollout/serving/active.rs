//! A plugin on a node: its active release and, possibly, a canary beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::release::Release;
use crate::guest::{Cohort, Sample};
use crate::rollout::canary::{CALLS, Comparison, Side, Thresholds, Totals};
use crate::rollout::control::log::DesiredState;
use crate::rollout::report::ReleaseReport;
use crate::runtime::Provider;

/// Plugin that serves requests on this node.
pub struct ActivePlugin {
    /// Revision of the release log that asks for these releases; 0 if no entry
    /// does.
    pub revision: i64,
    /// Desired releases according to that revision.
    pub desired: DesiredState,
    /// Active release.
    pub active: Arc<Release>,
    /// Canary, if there is one.
    pub canary: Option<Canary>,
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
        let canary = Self {
            release,
            percent,
            began,
            comparison: Arc::new(Comparison::new(thresholds)),
        };
        canary.observe_calls(active);
        canary
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
    pub fn new(
        revision: i64,
        desired: DesiredState,
        active: Arc<Release>,
        canary: Option<Canary>,
    ) -> Self {
        Self {
            revision,
            desired,
            active,
            canary,
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
            desired: self.desired.clone(),
            active: self.active.clone(),
            canary: self.canary.as_ref().map(|canary| Canary {
                release: canary.release.clone(),
                percent: canary.percent,
                began: canary.began.clone(),
                comparison: canary.comparison.clone(),
            }),
            before: self.before.clone(),
            since: self.since,
        }
    }

    /// Returns the releases that serve: the active one and, if there is one,
    /// the canary.
    pub fn releases(&self) -> impl Iterator<Item = &Arc<Release>> {
        let canary = self.canary.as_ref().map(|canary| &canary.release);
        std::iter::once(&self.active).chain(canary)
    }

    /// Returns the release that answers `path` for a client of this cohort;
    /// `None` if there is a canary and the manifest of the chosen release does
    /// not claim the path.
    #[must_use]
    pub fn choose(&self, path: &str, cohort: Cohort) -> Option<&Arc<Release>> {
        let Some(canary) = &self.canary else {
            return Some(&self.active);
        };
        let gets_canary =
            cohort.is_within(canary.percent) && canary.comparison.withdrawn().is_none();
        let release = if gets_canary {
            &canary.release
        } else {
            &self.active
        };
        release.claims(path).then_some(release)
    }

    /// Returns the plugin as a provider of interfaces for other plugins.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let provider = Provider::new(self.active.plugin.clone());
        match &self.canary {
            Some(canary) => provider.with_canary(canary.release.plugin.clone(), canary.percent),
            None => provider,
        }
    }

    /// Returns the counts of the canary and of the active release since the
    /// canary began; `None` without a canary.
    #[must_use]
    pub fn compared(&self) -> Option<(Sample, Sample)> {
        let canary = self.canary.as_ref()?;
        let (new, old) = &canary.began;
        Some((
            canary.release.plugin.stats().sample().since(new),
            self.active.plugin.stats().sample().since(old),
        ))
    }

    /// Continues the comparison of `before`, if its canary and active release
    /// are the same, so that a change of the canary's share loses no evidence.
    pub fn carry_on(&mut self, before: &Self) {
        let (Some(canary), Some(other)) = (&mut self.canary, &before.canary) else {
            return;
        };
        let is_same = Arc::ptr_eq(&canary.release, &other.release)
            && Arc::ptr_eq(&self.active, &before.active);
        if is_same {
            canary.carry_on(other, &self.active);
        }
    }

    /// Counts a request of `route` that `release` answered, if there is a
    /// canary. Returns whether that made this node withdraw the canary.
    #[must_use]
    pub fn count(&self, route: &str, release: &Arc<Release>, took: Duration, failed: bool) -> bool {
        let Some(canary) = &self.canary else {
            return false;
        };
        let side = match Arc::ptr_eq(release, &canary.release) {
            true => Side::Canary,
            false => Side::Active,
        };
        canary.comparison.count(route, side, took, failed)
    }

    /// Returns the totals that this node has compared so far, and the number of
    /// the canary's requests that were compared at its present step; `None`
    /// without a canary.
    #[must_use]
    pub fn totals(&self) -> Option<(Totals, u64)> {
        let comparison = &self.canary.as_ref()?.comparison;
        let totals = comparison.totals();
        let at_step = comparison.compared_at_step(&totals);
        Some((totals, at_step))
    }

    /// Returns the reason why this node found the canary worse, if it did.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let comparison = &self.canary.as_ref()?.comparison;
        // Blocks may have ended since the last request.
        let _ = comparison.totals();
        comparison.withdrawn().map(str::to_owned)
    }
}
