//! Scheduled tasks of plugins, each run by one node of the region at a time,
//! and not by nodes whose clock is far from the control database's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bundle::Digest;
use bundle::manifest::Schedule;
use stores::leases::{LeaseError, Leases};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::live::Plugins;
use super::release::Release;
use crate::config::Settings;
use crate::guest::Call;
use crate::rollout::backends::Backends;
use crate::telemetry::traces::{Trace, Traces, Work, text};

/// Time by which a lease outlives the deadline of a run, so that a node whose
/// run ends in time still holds it.
const GRACE: Duration = Duration::from_secs(5);

/// Interval at which a task that still cannot start is logged again as a
/// warning.
const AGAIN: Duration = Duration::from_mins(1);

/// Scheduler of a node's periodic tasks. Dropping it starts no more runs.
pub struct Scheduler {
    office: Arc<SchedulerContext>,
    /// Plugins whose tasks are scheduled, with the token that stops them.
    running: Mutex<BTreeMap<String, Running>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Running {
    digest: Digest,
    stop: CancellationToken,
}

/// Stores and settings that all scheduled tasks share.
struct SchedulerContext {
    settings: Arc<Settings>,
    services: Arc<Backends>,
    leases: OnceCell<Leases>,
    traces: Option<Arc<Traces>>,
}

impl SchedulerContext {
    /// Returns the region's leases, which are opened when they are first
    /// needed.
    async fn leases(&self) -> Result<&Leases, LeaseError> {
        let url = self.settings.lease_url();
        let opening = || Leases::open(self.services.databases(), url, &self.settings.region);
        self.leases.get_or_try_init(opening).await
    }

    /// Begins the trace of one run, if traces are collected.
    fn begin(&self, release: &Release, task: &str) -> Option<Work> {
        let plugin = &release.manifest.name;
        let traces = self.traces.as_ref()?;
        let mut work = traces.begin_own(format!("{plugin} {task}"));
        work.set([
            text("edge.plugin", plugin.clone()),
            text("edge.release", format!("{plugin}@{}", release.version)),
            text("edge.task", task.to_owned()),
        ]);
        Some(work)
    }
}

impl Scheduler {
    /// Returns a scheduler without tasks. Each run is a trace of its own if
    /// traces are collected.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        services: Arc<Backends>,
        traces: Option<Arc<Traces>>,
    ) -> Self {
        Self {
            office: Arc::new(SchedulerContext {
                settings,
                services,
                leases: OnceCell::new(),
                traces,
            }),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Schedules the tasks of these plugins' active releases, and no others. A
    /// run of a replaced release finishes; its lease keeps the new release from
    /// running the same task at once.
    pub fn follow(&self, plugins: &Plugins) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|name, running| {
            let serves =
                |plugin: &Arc<super::active::ActivePlugin>| plugin.active.digest == running.digest;
            let stays = plugins.get(name).is_some_and(serves);
            if !stays {
                running.stop.cancel();
            }
            stays
        });
        for (name, plugin) in plugins {
            running
                .entry(name.clone())
                .or_insert_with(|| self.begin(&plugin.active));
        }
    }

    fn begin(&self, release: &Arc<Release>) -> Running {
        let stop = self.stop.child_token();
        for schedule in &release.manifest.schedule {
            let (release, office) = (release.clone(), self.office.clone());
            let work = repeat(release, schedule.clone(), office, stop.clone());
            self.tasks.spawn(work);
        }
        Running {
            digest: release.digest,
            stop,
        }
    }

    /// Starts no more runs, waits for those in progress up to a timeout of
    /// `patience`, and closes the leases, so that other nodes need not wait for
    /// them.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(patience, self.tasks.wait()).await;
        if finished.is_err() {
            tracing::warn!("a task does not finish in time and is cut off");
        }
        if let Some(leases) = self.office.leases.get() {
            leases.close().await;
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn repeat(
    release: Arc<Release>,
    schedule: Schedule,
    office: Arc<SchedulerContext>,
    stopped: CancellationToken,
) {
    let mut due = tokio::time::interval(schedule.every);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut has_row = false;
    let mut named = None;
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = stopped.cancelled() => return,
        }
        // A warning about the clock has been logged already.
        if office.services.clock().is_off() {
            continue;
        }
        let plugin = &release.manifest.name;
        let working = async {
            let leases = office.leases().await?;
            if !has_row {
                leases.add(plugin, &schedule.task).await?;
                has_row = true;
            }
            piece(&release, &schedule, &office, leases).await
        };
        if let Err(error) = working.await {
            let task = &schedule.task;
            if is_due(&mut named, Instant::now()) {
                tracing::warn!(plugin, task, "a task could not begin: {error}");
            } else {
                tracing::debug!(plugin, task, "a task could not begin: {error}");
            }
        }
    }
}

/// Returns whether a warning that was last logged at `named` is due again, and
/// if so sets `named` to `now`.
fn is_due(named: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = named.is_none_or(|at| now.duration_since(at) >= AGAIN);
    if is_due {
        *named = Some(now);
    }
    is_due
}

/// Runs a task once, if it is due and no other node holds its lease.
async fn piece(
    release: &Release,
    schedule: &Schedule,
    office: &SchedulerContext,
    leases: &Leases,
) -> Result<(), LeaseError> {
    let Schedule {
        task,
        every,
        deadline,
    } = schedule;
    let plugin = &release.manifest.name;
    // Two ticks of a timer are not exactly `every` apart.
    let pause = every.mul_f64(0.9);
    let length = *deadline + GRACE;
    let Some(lease) = leases.take(plugin, task, pause, length).await? else {
        return Ok(());
    };
    let id = format!("{task}-{:08x}", rand::random::<u32>());
    let mut work = office.begin(release, task);
    let trace = work.as_ref().map(|work| work.trace().clone());
    let trace_id = trace.as_ref().map(Trace::id);
    let call = Call {
        trace,
        ..Call::internal(id.clone(), Instant::now() + *deadline)
    };
    let failed = match release.plugin.run_task(call, task.clone()).await {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => {
            tracing::warn!(
                plugin,
                task,
                request_id = id,
                trace_id,
                "a task could not go on: {reason}"
            );
            Some("task")
        }
        Err(error) => {
            let reason = error.reason();
            tracing::error!(
                plugin,
                task,
                request_id = id,
                trace_id,
                reason,
                "a task failed: {error}"
            );
            Some(reason)
        }
    };
    if let (Some(work), Some(reason)) = (&mut work, failed) {
        work.fail(reason);
    }
    drop(work);
    lease.give_back().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_cannot_begin_is_named_once_in_a_while() {
        let (mut named, now) = (None, Instant::now());
        assert!(is_due(&mut named, now));
        assert!(!is_due(&mut named, now + AGAIN / 2));
        assert!(is_due(&mut named, now + AGAIN));
        assert!(!is_due(&mut named, now + AGAIN));
    }
}
