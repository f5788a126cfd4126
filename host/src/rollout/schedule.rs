//! Periodic work: each task is done by one node of the region at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::manifest::Schedule;
use super::release::Release;
use crate::runtime::Call;
use crate::stores::leases::{LeaseError, Leases};

/// A lease outlives the piece of work by this much, so that a node which ends
/// its piece in time still holds it.
const GRACE: Duration = Duration::from_secs(5);

/// The periodic work of a node. Dropping it stops the work, wherever it is.
pub struct Scheduler {
    _tasks: JoinSet<()>,
}

impl Scheduler {
    /// Begin the periodic work of `releases`.
    ///
    /// # Errors
    /// When the database that keeps the leases does not answer.
    pub async fn start(releases: &[Arc<Release>], leases: Arc<Leases>) -> Result<Self, LeaseError> {
        let mut tasks = JoinSet::new();
        for release in releases {
            for schedule in &release.manifest.schedule {
                leases.add(&release.manifest.name, &schedule.task).await?;
                let (release, leases) = (release.clone(), leases.clone());
                tasks.spawn(repeat(release, schedule.clone(), leases));
            }
        }
        Ok(Self { _tasks: tasks })
    }
}

async fn repeat(release: Arc<Release>, schedule: Schedule, leases: Arc<Leases>) {
    let mut due = tokio::time::interval(schedule.every);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if let Err(error) = piece(&release, &schedule, &leases).await {
            let plugin = &release.manifest.name;
            tracing::warn!(
                plugin,
                task = schedule.task,
                "a task could not begin: {error}"
            );
        }
    }
}

/// One piece, if it is due and no other node has it.
async fn piece(release: &Release, schedule: &Schedule, leases: &Leases) -> Result<(), LeaseError> {
    let Schedule {
        task,
        every,
        deadline,
    } = schedule;
    let plugin = &release.manifest.name;
    // Two ticks of a clock are not `every` apart to the millisecond.
    let pause = every.mul_f64(0.9);
    let length = *deadline + GRACE;
    let Some(lease) = leases.take(plugin, task, pause, length).await? else {
        return Ok(());
    };
    let id = format!("{task}-{:08x}", rand::random::<u32>());
    let call = Call::internal(id.clone(), Instant::now() + *deadline);
    match release.plugin.run_task(call, task).await {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => {
            tracing::warn!(
                plugin,
                task,
                request_id = id,
                "a task could not go on: {reason}"
            );
        }
        Err(error) => {
            let reason = error.reason();
            tracing::error!(
                plugin,
                task,
                request_id = id,
                reason,
                "a task failed: {error}"
            );
        }
    }
    lease.give_back().await
}
