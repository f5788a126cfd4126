//! Metrics of all nodes together: keys that differ, nodes that were refused, and stalled or failed
//! runs of migrations.
//!
//! The node that leads rollouts takes a sample every 15 seconds; the other nodes report none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::reconcile::keys::mismatch;

/// Interval between two samples.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(15);

/// Age beyond which a sample is no longer reported.
const SAMPLE_MAX_AGE: Duration = Duration::from_secs(60);

/// One sample of all nodes, taken by the node that leads rollouts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetSample {
    /// Number of ordered pairs of live nodes of which one does not know a key that the other signs
    /// with.
    pub key_mismatches: usize,
    /// Number of nodes that were refused for their keys within the last hour; nodes with the same
    /// secret count once.
    pub refused_nodes: u64,
    /// Number of runs of migrations in progress.
    pub running_migrations: usize,
    /// Longest time for which a run in progress has shown no change of its statement or activity.
    pub since_progress: Duration,
    /// Longest time since the node of a run in progress last reported.
    pub since_report: Duration,
    /// Number of plugins whose last run of migrations in a database failed, within the last week.
    pub failed_migrations: u64,
}

/// The last sample of all nodes, kept while this node leads.
#[derive(Debug, Default)]
pub struct FleetHealth(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: Option<(Instant, FleetSample)>,
    /// Last seen statement and activity of each run by ID, and since when.
    progress: HashMap<String, (u64, String, Instant)>,
}

impl FleetHealth {
    /// Returns the last sample; `None` on a node that does not lead, or if the sample is too old.
    #[must_use]
    pub fn sample(&self) -> Option<FleetSample> {
        let state = self.state();
        let known = state.seen.filter(|(at, _)| at.elapsed() < SAMPLE_MAX_AGE);
        known.map(|(_, sample)| sample)
    }

    /// Returns whether the next sample is due.
    pub(in crate::rollout) fn is_due(&self) -> bool {
        let seen = self.state().seen;
        seen.is_none_or(|(at, _)| at.elapsed() >= SAMPLE_INTERVAL)
    }

    /// Takes a sample, and records the capabilities that older nodes lack.
    pub(in crate::rollout) async fn look(&self, control: &Control) -> Result<(), ControlError> {
        let nodes = control.nodes().await?;
        let live: Vec<_> = nodes.iter().filter(|node| node.is_live()).collect();
        let pairs = live
            .iter()
            .flat_map(|one| live.iter().map(move |other| (one, other)));
        let differ = pairs.filter(|(one, other)| mismatch(one, other).is_some());
        let key_mismatches = differ.count();
        let runs = control.open_runs().await?;
        let ages = runs
            .iter()
            .map(|run| Duration::from_millis(run.age_ms.unsigned_abs()));
        let sample = FleetSample {
            key_mismatches,
            refused_nodes: control.refused_joins().await?,
            running_migrations: runs.len(),
            since_progress: self.since_progress(&runs),
            since_report: ages.max().unwrap_or_default(),
            failed_migrations: control.failed_migrations().await?,
        };
        self.state().seen = Some((Instant::now(), sample));
        control.note_older_versions(&nodes).await
    }

    /// Discards the sample, because another node leads.
    pub(in crate::rollout) fn forget(&self) {
        *self.state() = State::default();
    }

    fn since_progress(&self, runs: &[MigrationRun]) -> Duration {
        let mut state = self.state();
        let is_open = |id: &String| runs.iter().any(|run| run.id == *id);
        state.progress.retain(|id, _| is_open(id));
        let ages = runs.iter().map(|run| {
            let now = || (run.statement, run.doing.clone(), Instant::now());
            let seen = state.progress.entry(run.id.clone()).or_insert_with(now);
            if (seen.0, &seen.1) != (run.statement, &run.doing) {
                *seen = now();
            }
            seen.2.elapsed()
        });
        ages.max().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::control::migrations::RunState;
    use bundle::Digest;

    fn run(statement: u64, doing: &str) -> MigrationRun {
        MigrationRun {
            id: "1".to_owned(),
            plugin: "hello".to_owned(),
            version: "0.1.0".to_owned(),
            digest: Digest::of(b"new"),
            node: "a".to_owned(),
            region: "here".to_owned(),
            database: "mysql://x".to_owned(),
            author: "tester".to_owned(),
            state: RunState::Running,
            statement,
            statements: 9,
            doing: doing.to_owned(),
            reason: String::new(),
            started_at: 0,
            changed_at: 0,
            age_ms: 0,
            since_ms: 0,
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test has its thread to itself")]
    fn a_run_that_gets_on_begins_its_time_anew() {
        let health = FleetHealth::default();
        let _ = health.since_progress(&[run(1, "a")]);
        let pause = Duration::from_millis(20);
        std::thread::sleep(pause);
        assert!(health.since_progress(&[run(1, "a")]) >= pause);
        for other in [run(2, "a"), run(2, "attempt 2")] {
            assert!(health.since_progress(&[other]) < pause);
            std::thread::sleep(pause);
        }
        assert_eq!(health.since_progress(&[]), Duration::ZERO);
        assert!(health.since_progress(&[run(2, "attempt 2")]) < pause);
    }
}
