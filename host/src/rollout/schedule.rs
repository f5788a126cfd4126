//! Periodic work: each task is done by one node of the region at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
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
    tasks: JoinSet<()>,
    stop: watch::Sender<()>,
}

impl Scheduler {
    /// Begin the periodic work of `releases`.
    ///
    /// # Errors
    /// When the database that keeps the leases does not answer.
    pub async fn start(releases: &[Arc<Release>], leases: Arc<Leases>) -> Result<Self, LeaseError> {
        let mut tasks = JoinSet::new();
        let (stop, stopped) = watch::channel(());
        for release in releases {
            for schedule in &release.manifest.schedule {
                leases.add(&release.manifest.name, &schedule.task).await?;
                let (release, leases) = (release.clone(), leases.clone());
                tasks.spawn(repeat(release, schedule.clone(), leases, stopped.clone()));
            }
        }
        Ok(Self { tasks, stop })
    }

    /// Begin no more pieces, and let those that run finish, for as long as
    /// `patience`: what they hold, other nodes need not wait for.
    pub async fn stop(self, patience: Duration) {
        let Self { mut tasks, stop } = self;
        drop(stop);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, finished).await.is_err() {
            tracing::warn!("a task does not finish in time and is cut off");
        }
    }
}

async fn repeat(
    release: Arc<Release>,
    schedule: Schedule,
    leases: Arc<Leases>,
    mut stopped: watch::Receiver<()>,
) {
    let mut due = tokio::time::interval(schedule.every);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            // Nothing is ever sent: the sender is gone.
            _ = stopped.changed() => return,
        }
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
