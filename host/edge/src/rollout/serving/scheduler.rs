//! Scheduler of the tasks that plugins run at intervals: follows the active
//! releases, and stops the tasks of those that were replaced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bundle::Digest;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::active::{ActivePlugin, Plugins};
use super::release::Release;
use super::scheduled_task::{ScheduledTask, SchedulerContext};
use crate::config::Settings;
use crate::rollout::backends::Backends;
use crate::telemetry::traces::Traces;

/// Scheduler of a node's periodic tasks. Dropping it starts no more runs.
pub struct Scheduler {
    context: Arc<SchedulerContext>,
    /// Plugins whose tasks are scheduled, with the token that stops them.
    running: Mutex<BTreeMap<String, Running>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Tasks of one plugin's active release.
struct Running {
    digest: Digest,
    stop: CancellationToken,
}

impl Scheduler {
    /// Returns a scheduler without tasks. Each run is a trace of its own if
    /// traces are collected.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        backends: Arc<Backends>,
        traces: Option<Arc<Traces>>,
    ) -> Self {
        Self {
            context: Arc::new(SchedulerContext {
                settings,
                backends,
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
            let is_active = |plugin: &Arc<ActivePlugin>| plugin.active.digest == running.digest;
            let stays = plugins.get(name).is_some_and(is_active);
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
            let task = ScheduledTask {
                release: release.clone(),
                schedule: schedule.clone(),
                context: self.context.clone(),
            };
            self.tasks.spawn(task.repeat(stop.clone()));
        }
        Running {
            digest: release.digest,
            stop,
        }
    }

    /// Starts no more runs, waits for those in progress up to `timeout`, and
    /// closes the leases, so that other nodes need not wait for them.
    pub async fn stop(&self, timeout: Duration) {
        self.stop.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(timeout, self.tasks.wait()).await;
        if finished.is_err() {
            tracing::warn!("a task does not finish in time and is cut off");
        }
        if let Some(leases) = self.context.leases.get() {
            leases.close().await;
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
