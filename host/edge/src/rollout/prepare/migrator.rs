//! Runs migrations on this node, each run in a task of its own that no client
//! and no time limit ends. A run is recorded in the control database before its
//! first statement. If its node ends, another node takes it over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bundle::{Bundle, Digest, TrustedKeys};
use sha2::{Digest as _, Sha256};
use stores::sql::{DatabaseAccess, MigrateError, MigrationPlan};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::load::{LoadError, Loader};
use super::migration_job::Job;
use crate::rollout::control::migrations::{MigrationRun, NewRun, RunState};
use crate::rollout::control::{Control, ControlError};

/// Error when a release's migrations did not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The plugin's database cannot be opened.
    #[error(transparent)]
    Open(#[from] LoadError),
    /// A migration was refused or failed.
    #[error("plugin {plugin}: migrations: {source}")]
    Migrate {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: MigrateError,
    },
    /// The run cannot be recorded in the control database, so it does not
    /// begin.
    #[error("plugin {plugin}: migrations: {source}")]
    Control {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: ControlError,
    },
    /// Migrations of another release of the plugin are running.
    #[error(
        "migrations of {}@{} run on node {} ({}, statement {} of {}); `edge migrations` shows how far they are",
        .0.plugin, .0.version, .0.node, .0.id, .0.statement, .0.statements
    )]
    Busy(Box<MigrationRun>),
    /// The task of the run was cut off: the node stops, or the host has a
    /// fault.
    #[error("the run of migrations was cut off; another node takes it over")]
    CutOff,
}

impl MigrationError {
    /// Returns whether a retry may succeed: a database does not answer, another
    /// run is in progress, or the run was cut off.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Open(error) => error.is_transient(),
            Self::Migrate { source, .. } => source.is_transient(),
            Self::Control { source, .. } => source.is_transient(),
            Self::Busy(_) | Self::CutOff => true,
        }
    }
}

/// Outcome of a run on this node; `None` while it is in progress.
type Outcome = Option<Result<(), Arc<MigrationError>>>;

/// Migrator of one node.
pub struct Migrator {
    pub(in crate::rollout) control: Arc<Control>,
    pub(super) loader: Arc<Loader>,
    pub(in crate::rollout) node: String,
    pub(in crate::rollout) region: String,
    /// Keys of which one must have signed a release whose run this node takes
    /// over.
    pub(in crate::rollout) trusted: TrustedKeys,
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
        Arc::new(Self {
            control,
            loader,
            node,
            region,
            trusted,
            left_alone: Mutex::default(),
            runtime: Handle::current(),
            running: Mutex::default(),
        })
    }

    /// Returns the author name for actions that the node takes by itself.
    #[must_use]
    pub fn author(&self) -> String {
        format!("node {}", self.node)
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
        let open = self.control.open_run_of(&target).await.map_err(failed)?;
        if let Some(open) = &open
            && !open.is_stale()
        {
            return match open.digest == bundle.digest() {
                true => Ok(Some(open.clone())),
                false => Err(MigrationError::Busy(Box::new(open.clone()))),
            };
        }
        let id = self
            .write_down(database, bundle, author, &target, plan.statements())
            .await?;
        drop(self.start(bundle, author, plan.statements(), Some(id.clone())));
        self.control.run(&id).await.map_err(failed)
    }

    /// Records a run of this node and returns its id, replacing a run whose
    /// node ended. The caller either holds the lock of the migrations or has
    /// found that no node reports on the run.
    pub(super) async fn write_down(
        &self,
        database: &DatabaseAccess,
        bundle: &Bundle,
        author: &str,
        target: &str,
        statements: usize,
    ) -> Result<String, MigrationError> {
        let plugin = &bundle.manifest.name;
        let failed = |source| MigrationError::Control {
            plugin: plugin.clone(),
            source,
        };
        let new = NewRun {
            target,
            plugin,
            version: bundle.manifest.version.to_string(),
            digest: bundle.digest(),
            node: &self.node,
            region: &self.region,
            database: database.url(),
            author,
            statements,
        };
        loop {
            if let Some(id) = self.control.begin_run(&new).await.map_err(failed)? {
                return Ok(id);
            }
            let open = self.control.open_run_of(target).await.map_err(failed)?;
            let Some(open) = open else { continue };
            if open.digest == new.digest {
                let claimed = self.control.claim_run(&open.id, &self.node, &self.region);
                claimed.await.map_err(failed)?;
                return Ok(open.id);
            }
            if !open.is_stale() {
                // The other run's node is alive, and waits for the lock as this
                // one did.
                return Err(MigrationError::Busy(Box::new(open)));
            }
            let reason = abandoned(&open);
            let ended = self
                .control
                .end_run(&open.id, &open.node, RunState::Failed, &reason);
            ended.await.map_err(failed)?;
        }
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
    pub(in crate::rollout) fn start(
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
            migrator: self.clone(),
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

/// Returns the reason for ending a run whose node no longer reports and that no
/// node continues.
pub(super) fn abandoned(run: &MigrationRun) -> String {
    format!(
        "node {} ended at statement {} of {} (`{}`), which may or may not have run",
        run.node, run.statement, run.statements, run.doing
    )
}

/// Returns a key that identifies the plugin and its database, short enough for
/// an index.
pub(in crate::rollout) async fn target(
    database: &DatabaseAccess,
    plugin: &str,
) -> Result<String, MigrationError> {
    let identity = database.identity().await;
    let identity = identity.map_err(|source| MigrationError::Migrate {
        plugin: plugin.to_owned(),
        source,
    })?;
    let digest = hex::encode(Sha256::digest(identity));
    Ok(format!("{plugin} {digest}"))
}
