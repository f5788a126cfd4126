//! One scheduled task of a release, which one node of the region runs at a time,
//! and no node whose clock is far from the control database's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::manifest::Schedule;
use stores::leases::{LeaseError, Leases};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::release::Release;
use crate::config::Settings;
use crate::guest::Call;
use crate::rollout::backends::Backends;
use crate::telemetry::traces::{Span, SpanContext, Traces, text};

/// Time by which a lease outlives the deadline of a run, so that a node whose
/// run ends in time still holds it.
const LEASE_GRACE: Duration = Duration::from_secs(5);

/// Interval at which a task that still cannot start is logged again as a
/// warning.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Stores and settings that all scheduled tasks share.
pub(super) struct SchedulerContext {
    pub(super) settings: Arc<Settings>,
    pub(super) backends: Arc<Backends>,
    pub(super) leases: OnceCell<Leases>,
    pub(super) traces: Option<Arc<Traces>>,
}

impl SchedulerContext {
    /// Returns the region's leases, which are opened when they are first
    /// needed.
    async fn leases(&self) -> Result<&Leases, LeaseError> {
        let url = self.settings.lease_url();
        let opening = || Leases::open(self.backends.databases(), url, &self.settings.region);
        self.leases.get_or_try_init(opening).await
    }

    /// Begins the trace of one run, if traces are collected.
    fn begin_trace(&self, release: &Release, task: &str) -> Option<Span> {
        let plugin = &release.manifest.name;
        let traces = self.traces.as_ref()?;
        let mut span = traces.begin_own(format!("{plugin} {task}"));
        span.set_attributes([
            text("edge.plugin", plugin.clone()),
            text("edge.release", format!("{plugin}@{}", release.version)),
            text("edge.task", task.to_owned()),
        ]);
        Some(span)
    }
}

/// One scheduled task of a release.
pub(super) struct ScheduledTask {
    pub(super) release: Arc<Release>,
    pub(super) schedule: Schedule,
    pub(super) context: Arc<SchedulerContext>,
}

impl ScheduledTask {
    /// Runs the task at each interval until `stopped` is cancelled.
    pub(super) async fn repeat(self, stopped: CancellationToken) {
        let mut due = tokio::time::interval(self.schedule.every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut has_row = false;
        let mut warned_at = None;
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = stopped.cancelled() => return,
            }
            // A warning about the clock has been logged already.
            if self.context.backends.clock().is_off() {
                continue;
            }
            if let Err(error) = self.run_if_free(&mut has_row).await {
                let (plugin, task) = (&self.release.manifest.name, &self.schedule.task);
                if is_due(&mut warned_at, Instant::now()) {
                    tracing::warn!(plugin, task, "a task could not begin: {error}");
                } else {
                    tracing::debug!(plugin, task, "a task could not begin: {error}");
                }
            }
        }
    }

    /// Runs the task once, if it is due and no other node holds its lease. A
    /// row for the lease is added unless `has_row`, which is set then.
    async fn run_if_free(&self, has_row: &mut bool) -> Result<(), LeaseError> {
        let leases = self.context.leases().await?;
        let Schedule {
            task,
            every,
            deadline,
        } = &self.schedule;
        let plugin = &self.release.manifest.name;
        if !*has_row {
            leases.add(plugin, task).await?;
            *has_row = true;
        }
        // Two ticks of a timer are not exactly `every` apart.
        let pause = every.mul_f64(0.9);
        let length = *deadline + LEASE_GRACE;
        let Some(lease) = leases.take(plugin, task, pause, length).await? else {
            return Ok(());
        };
        self.run().await;
        lease.give_back().await
    }

    /// Runs the task once, in a trace of its own.
    async fn run(&self) {
        let Schedule { task, deadline, .. } = &self.schedule;
        let id = format!("{task}-{:08x}", rand::random::<u32>());
        let mut span = self.context.begin_trace(&self.release, task);
        let trace = span.as_ref().map(|span| span.context().clone());
        let trace_id = trace.as_ref().map(SpanContext::id);
        let call = Call {
            trace,
            ..Call::internal(id.clone(), Instant::now() + *deadline)
        };
        let failure = self.call(call, &id, trace_id.as_deref()).await;
        if let (Some(span), Some(reason)) = (&mut span, failure) {
            span.set_error(reason);
        }
    }

    /// Calls the plugin's task and logs a failure. Returns the reason of the
    /// failure for traces; `None` if the task succeeded.
    async fn call(&self, call: Call, id: &str, trace_id: Option<&str>) -> Option<&'static str> {
        let (plugin, task) = (&self.release.manifest.name, &self.schedule.task);
        match self.release.plugin.run_task(call, task.clone()).await {
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
        }
    }
}

/// Returns whether a warning that was last logged at `warned_at` is due again, and
/// if so sets `warned_at` to `now`.
fn is_due(warned_at: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = warned_at.is_none_or(|at| now.duration_since(at) >= WARNING_INTERVAL);
    if is_due {
        *warned_at = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_cannot_begin_is_named_once_in_a_while() {
        let (mut warned_at, now) = (None, Instant::now());
        assert!(is_due(&mut warned_at, now));
        assert!(!is_due(&mut warned_at, now + WARNING_INTERVAL / 2));
        assert!(is_due(&mut warned_at, now + WARNING_INTERVAL));
        assert!(!is_due(&mut warned_at, now + WARNING_INTERVAL));
    }
}
