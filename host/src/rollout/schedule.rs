//! Periodic work: each task is done by one node of the region at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bundle::Digest;
use super::live::Plugins;
use super::manifest::Schedule;
use super::release::Release;
use super::services::Services;
use crate::config::Settings;
use crate::runtime::Call;
use crate::stores::leases::{LeaseError, Leases};

/// A lease outlives the piece of work by this much, so that a node which ends
/// its piece in time still holds it.
const GRACE: Duration = Duration::from_secs(5);

/// The periodic work of a node. Dropping it begins no more of it.
pub struct Scheduler {
    office: Arc<Office>,
    /// Whose work is being done, and how to end it.
    running: Mutex<BTreeMap<String, Running>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Running {
    digest: Digest,
    stop: CancellationToken,
}

/// Where leases are to be had.
struct Office {
    settings: Arc<Settings>,
    services: Arc<Services>,
    leases: OnceCell<Leases>,
}

impl Office {
    /// The region's leases, opened when they are first needed.
    async fn leases(&self) -> Result<&Leases, LeaseError> {
        let opening = || {
            Leases::open(
                self.services.databases(),
                &self.settings.database_url,
                &self.settings.region,
            )
        };
        self.leases.get_or_try_init(opening).await
    }
}

impl Scheduler {
    /// A scheduler that has nothing to do yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>, services: Arc<Services>) -> Self {
        Self {
            office: Arc::new(Office {
                settings,
                services,
                leases: OnceCell::new(),
            }),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Do the work of these plugins' active releases, and of no others. What
    /// runs of a release that was replaced finishes; its lease keeps the new
    /// one from doing the same at once.
    pub fn follow(&self, plugins: &Plugins) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|name, running| {
            let serves =
                |plugin: &Arc<super::deployed::Deployed>| plugin.active.digest == running.digest;
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

    /// Begin no more pieces, and let those that run finish, for as long as
    /// `patience`: what they hold, other nodes need not wait for.
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
    office: Arc<Office>,
    stopped: CancellationToken,
) {
    let mut due = tokio::time::interval(schedule.every);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut has_row = false;
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = stopped.cancelled() => return,
        }
        let plugin = &release.manifest.name;
        let working = async {
            let leases = office.leases().await?;
            if !has_row {
                leases.add(plugin, &schedule.task).await?;
                has_row = true;
            }
            piece(&release, &schedule, leases).await
        };
        if let Err(error) = working.await {
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
    match release.plugin.run_task(call, task.clone()).await {
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
