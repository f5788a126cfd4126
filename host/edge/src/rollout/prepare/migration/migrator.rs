//! Runs migrations on this node, each run in a task of its own that no client
//! and no time limit ends. A run is recorded in the control database before its
//! first statement. If its node ends, another node takes it over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bundle::{Bundle, Digest, TrustedKeys};
use stores::sql::{DatabaseAccess, MigrationPlan};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::MigrationError;
use super::job::Job;
use super::recorder::{RunRecorder, target};
use crate::rollout::control::Control;
use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::prepare::load::Loader;

/// Outcome of a run on this node; `None` while it is in progress.
type Outcome = Option<Result<(), Arc<MigrationError>>>;

/// Migrator of one node.
pub struct Migrator {
    pub(super) recorder: Arc<RunRecorder>,
    pub(super) loader: Arc<Loader>,
    /// Keys of which one must have signed a release whose run this node takes
    /// over.
    pub(super) trusted: TrustedKeys,
    /// Messages that say why this node does not take over a run, by the run's
    /// id.
    pub(super) left_alone: Mutex<HashMap<String, String>>,
    /// Runtime on which all runs are spawned, whichever runtime their caller is
    /// on.
    runtime: Handle,
    running: Mutex<HashMap<Digest, watch::Receiver<Outcome>>>,
}

impl Migrator {
    /// Returns a migrator for `node` of `region`, whose runs are tasks of the
    /// runtime that this is called on.
    #[must_use]
    pub fn new(
        control: Arc<Control>,
        loader: Arc<Loader>,
        node: String,
        region: String,
        trusted: TrustedKeys,
    ) -> Arc<Self> {
        let recorder = RunRecorder {
            control,
            node,
            region,
        };
        Arc::new(Self {
            recorder: Arc::new(recorder),
            loader,
            trusted,
            left_alone: Mutex::default(),
            runtime: Handle::current(),
            running: Mutex::default(),
        })
    }

    /// Returns the author name for actions that the node takes by itself.
    #[must_use]
    pub fn author(&self) -> String {
        format!("node {}", self.recorder.node)
    }

    /// Returns the region of the node.
    pub(in crate::rollout) fn region(&self) -> &str {
        &self.recorder.region
    }

    /// Returns the plan of the release's pending migrations. All statements are
    /// checked, and none is run.
    ///
    /// # Errors
    /// When the database cannot be opened, or a statement is refused; the error
    /// names it.
    pub async fn plan(&self, bundle: &Bundle) -> Result<MigrationPlan, MigrationError> {
        let Some(database) = self.loader.open_database(&bundle.manifest).await? else {
            return Ok(MigrationPlan::default());
        };
        let plan = self.plan_in(&database, bundle).await;
        database.close().await;
        plan
    }

    async fn plan_in(
        &self,
        database: &DatabaseAccess,
        bundle: &Bundle,
    ) -> Result<MigrationPlan, MigrationError> {
        let plugin = &bundle.manifest.name;
        let plan = database.plan_migrations(plugin, &bundle.migrations).await;
        plan.map_err(|source| MigrationError::Migrate {
            plugin: plugin.clone(),
            source,
        })
    }

    /// Starts the release's pending migrations and returns the run, which
    /// continues in the background; `None` if nothing is pending. A run of the
    /// same release that is in progress is returned instead.
    ///
    /// # Errors
    /// When the database cannot be opened, a statement is refused, a run of
    /// another release is in progress, or the run cannot be recorded.
    pub async fn begin(
        self: &Arc<Self>,
        bundle: &Bundle,
        author: &str,
    ) -> Result<Option<MigrationRun>, MigrationError> {
        let Some(database) = self.loader.open_database(&bundle.manifest).await? else {
            return Ok(None);
        };
        let begun = self.begin_in(&database, bundle, author).await;
        database.close().await;
        begun
    }

    async fn begin_in(
        self: &Arc<Self>,
        database: &DatabaseAccess,
        bundle: &Bundle,
        author: &str,
    ) -> Result<Option<MigrationRun>, MigrationError> {
        let plan = self.plan_in(database, bundle).await?;
        if plan.is_empty() {
            return Ok(None);
        }
        let plugin = &bundle.manifest.name;
        let target = target(database, plugin).await?;
        let failed = |source| MigrationError::Control {
            plugin: plugin.clone(),
            source,
        };
        let control = &self.recorder.control;
        let open = control.open_run_of(&target).await.map_err(failed)?;
        if let Some(open) = &open
            && !open.is_stale()
        {
            return match open.digest == bundle.digest() {
                true => Ok(Some(open.clone())),
                false => Err(MigrationError::Busy(Box::new(open.clone()))),
            };
        }
        let id = self
            .recorder
            .record(database, bundle, author, &target, plan.statements())
            .await?;
        drop(self.start(bundle, author, plan.statements(), Some(id.clone())));
        control.run(&id).await.map_err(failed)
    }

    /// Runs the release's pending migrations and waits until the run ends.
    /// Dropping this future does not end the run.
    ///
    /// # Errors
    /// When the database cannot be opened, a statement is refused or fails, or
    /// the run is cut off.
    pub async fn ensure(
        self: &Arc<Self>,
        bundle: &Bundle,
        author: &str,
    ) -> Result<(), Arc<MigrationError>> {
        let plan = self.plan(bundle).await?;
        if plan.is_empty() {
            return Ok(());
        }
        let mut outcome = self.start(bundle, author, plan.statements(), None);
        match outcome.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ok(())),
            Err(_) => Err(Arc::new(MigrationError::CutOff)),
        }
    }

    /// Returns whether the release's migrations run on this node now.
    pub(in crate::rollout) fn runs(&self, digest: Digest) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&digest).is_some_and(is_running)
    }

    /// Starts a job in a task of its own, unless one of the same release is
    /// running. `id` is the row in which the run has been recorded already.
    pub(super) fn start(
        self: &Arc<Self>,
        bundle: &Bundle,
        author: &str,
        statements: usize,
        id: Option<String>,
    ) -> watch::Receiver<Outcome> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, outcome| is_running(outcome));
        if let Some(outcome) = running.get(&bundle.digest()) {
            return outcome.clone();
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(bundle.digest(), receiver.clone());
        let job = Job {
            recorder: self.recorder.clone(),
            loader: self.loader.clone(),
            bundle: bundle.clone(),
            author: author.to_owned(),
            statements,
            id: Mutex::new(id),
        };
        self.runtime.spawn(async move {
            let ended = job.run().await.map_err(Arc::new);
            sender.send_replace(Some(ended));
        });
        receiver
    }
}

fn is_running(outcome: &watch::Receiver<Outcome>) -> bool {
    outcome.has_changed().is_ok() && outcome.borrow().is_none()
}
