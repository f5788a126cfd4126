//! What is to be known of all nodes together, for metrics: keys that differ,
//! nodes that were refused, and runs of migrations that do not get on.
//!
//! The node that leads rollouts looks every now and then; the others have
//! nothing to tell.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::reconcile::keys::mismatch;

/// How often the node that leads looks.
const LOOK: Duration = Duration::from_secs(15);

/// For how long what was seen is told: beyond that nobody knows.
const KNOWN: Duration = Duration::from_secs(60);

/// What the node that leads has seen of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetSample {
    /// Pairs of live nodes of which the one does not know a key that the other
    /// signs with.
    pub key_mismatches: usize,
    /// Nodes that were refused for their keys within the last hour.
    pub refused_nodes: u64,
    /// Runs of migrations that go on.
    pub running_migrations: usize,
    /// The longest time for which one of them has been at the same statement.
    pub since_progress: Duration,
    /// The longest time for which the node of one of them has not reported.
    pub since_report: Duration,
    /// Plugins whose last run of migrations in a database failed.
    pub failed_migrations: u64,
}

/// What this node has seen of all, while it leads.
#[derive(Debug, Default)]
pub struct FleetHealth(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: Option<(Instant, FleetSample)>,
    /// What each run was last seen to do, and since when.
    progress: HashMap<String, (u64, String, Instant)>,
}

impl FleetHealth {
    /// Returns what was seen last; nothing on a node that does not lead.
    #[must_use]
    pub fn sample(&self) -> Option<FleetSample> {
        let state = self.state();
        let known = state.seen.filter(|(at, _)| at.elapsed() < KNOWN);
        known.map(|(_, sample)| sample)
    }

    /// Whether it is time to look again.
    pub(in crate::rollout) fn is_due(&self) -> bool {
        let seen = self.state().seen;
        seen.is_none_or(|(at, _)| at.elapsed() >= LOOK)
    }

    /// Looks again.
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

    /// Forgets what was seen: another node leads.
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
