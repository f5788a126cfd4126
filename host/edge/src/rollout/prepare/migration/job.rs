//! A run of a release's migrations, from taking the lock to the audit entry.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bundle::Bundle;
use stores::sql::{DatabaseAccess, MigrateError, MigrationProgress, ProgressSender};
use tokio::sync::watch;

use super::error::MigrationError;
use super::recorder::{RunRecorder, target};
use crate::rollout::control::ControlError;
use crate::rollout::control::migrations::RunState;
use crate::rollout::prepare::load::Loader;

/// Maximum interval between two progress reports of a run.
const MAX_REPORT_INTERVAL: Duration = Duration::from_secs(3);

/// Minimum interval between two progress reports of a run.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// Maximum number of connections that a run uses, one after another, as each is
/// lost.
const MAX_CONNECTIONS: u32 = 8;

/// Pause before a reconnect, multiplied by the number of connections lost so
/// far.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Maximum length of an audit entry, in characters.
const MAX_DETAIL_CHARS: usize = 2000;

/// One run of a release's migrations on this node.
pub(super) struct Job {
    pub(super) recorder: Arc<RunRecorder>,
    pub(super) loader: Arc<Loader>,
    pub(super) bundle: Bundle,
    pub(super) author: String,
    /// Number of pending statements, as far as is known.
    pub(super) statements: usize,
    /// Id of the run's row in the control database, once it has one.
    pub(super) id: Mutex<Option<String>>,
}

impl Job {
    fn id(&self) -> Option<String> {
        let id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        id.clone()
    }

    fn set_id(&self, new: String) {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    }

    /// Waits until no other node holds the lock of the migrations, and runs
    /// what is pending then.
    pub(super) async fn run(self) -> Result<(), MigrationError> {
        let opened = self.loader.open_database(&self.bundle.manifest);
        let Some(database) = opened.await? else {
            return Ok(());
        };
        let ran = self.run_in(&database).await;
        database.close().await;
        if let Err(error) = &ran {
            tracing::error!(plugin = self.plugin(), "{error}");
        }
        ran
    }

    fn plugin(&self) -> &str {
        &self.bundle.manifest.name
    }

    async fn run_in(&self, database: &DatabaseAccess) -> Result<(), MigrationError> {
        let target = target(database, self.plugin()).await?;
        let (progress, watched) = ProgressSender::new(self.statements);
        let mut connection = 1;
        loop {
            let ran = tokio::select! {
                ran = self.attempt(database, &target, &progress) => ran,
                () = self.report(watched.clone()) => Err(MigrationError::CutOff),
            };
            let error = match ran {
                Ok(()) => return self.end(&watched, Ok(())).await,
                Err(error) => error,
            };
            if !may_reconnect(&error, connection) || connection >= MAX_CONNECTIONS {
                return self.end(&watched, Err(error)).await;
            }
            tracing::warn!(
                plugin = self.plugin(),
                "the migrations lost their connection: {error}"
            );
            tokio::time::sleep(RECONNECT_PAUSE * connection).await;
            connection += 1;
        }
    }

    /// Runs what is pending on one connection, under the lock.
    async fn attempt(
        &self,
        database: &DatabaseAccess,
        target: &str,
        progress: &ProgressSender,
    ) -> Result<(), MigrationError> {
        let plugin = self.plugin();
        let failed = |source: MigrateError| MigrationError::Migrate {
            plugin: plugin.to_owned(),
            source,
        };
        let waiting = || {
            tracing::info!(plugin, "waiting for another node's migrations");
            progress.wait_for("another node's migrations, or seeding".to_owned());
        };
        let lock = database.lock_migrations(plugin, waiting).await;
        let mut lock = lock.map_err(failed)?;
        let migrations = &self.bundle.migrations;
        let plan = database.plan_migrations(plugin, migrations).await;
        let plan = plan.map_err(failed)?;
        if plan.is_empty() {
            return self.close_what_another_ran(target).await;
        }
        let (bundle, author) = (&self.bundle, &self.author);
        let statements = plan.statements();
        let writing = self
            .recorder
            .record(database, bundle, author, target, statements);
        self.set_id(writing.await?);
        tracing::info!(plugin, statements, "migrations run");
        let ran = database
            .migrate(plugin, migrations, &mut lock, progress)
            .await;
        ran.map_err(failed)
    }

    /// Marks the release's open run as done, since another node, whose version
    /// records no runs, may have run all of its migrations.
    async fn close_what_another_ran(&self, target: &str) -> Result<(), MigrationError> {
        let control = &self.recorder.control;
        let failed = |source| self.not_written(source);
        let open = control.open_run_of(target).await.map_err(failed)?;
        let of_release = open.filter(|open| open.digest == self.bundle.digest());
        let not_ours = of_release.filter(|open| Some(&open.id) != self.id().as_ref());
        if let Some(open) = not_ours {
            let ended = control.end_run(&open.id, &open.node, RunState::Done, "");
            ended.await.map_err(failed)?;
        }
        Ok(())
    }

    /// Records the progress of the run in the control database, for as long as
    /// this future is polled. The run continues if the control database does
    /// not answer.
    async fn report(&self, mut watched: watch::Receiver<MigrationProgress>) {
        let RunRecorder { control, node, .. } = &*self.recorder;
        loop {
            let progress = watched.borrow_and_update().clone();
            if let Some(id) = self.id()
                && let Err(error) = control.note_run(&id, node, &progress).await
            {
                tracing::warn!(
                    plugin = self.plugin(),
                    "a run of migrations is not reported: {error}"
                );
            }
            tokio::time::sleep(MIN_REPORT_INTERVAL).await;
            // A closed channel cannot happen here: the sender lives as long as
            // the run.
            let _ = tokio::time::timeout(MAX_REPORT_INTERVAL, watched.changed()).await;
        }
    }

    /// Records the outcome of the run in the control database and in the audit.
    async fn end(
        &self,
        watched: &watch::Receiver<MigrationProgress>,
        ran: Result<(), MigrationError>,
    ) -> Result<(), MigrationError> {
        let Some(id) = self.id() else { return ran };
        let progress = watched.borrow().clone();
        let reason = ran.as_ref().err().map(ToString::to_string);
        let detail = self.audit_detail(&id, &progress, reason.as_deref());
        let recorded = self.record_end(&id, &progress, reason.as_deref(), &detail);
        if let Err(error) = recorded.await {
            tracing::warn!(
                plugin = self.plugin(),
                "how migrations ended is not written down ({error}): {detail}"
            );
        } else if ran.is_ok() {
            tracing::info!(
                plugin = self.plugin(),
                statements = progress.statements,
                "migrations are done"
            );
        }
        ran
    }

    /// Records that the run ended, with the reason if it failed.
    async fn record_end(
        &self,
        id: &str,
        progress: &MigrationProgress,
        reason: Option<&str>,
        detail: &str,
    ) -> Result<(), ControlError> {
        let RunRecorder { control, node, .. } = &*self.recorder;
        let (state, action) = match reason {
            None => (RunState::Done, "migrated"),
            Some(_) => (RunState::Failed, "migration-failed"),
        };
        control.note_run(id, node, progress).await?;
        control
            .end_run(id, node, state, reason.unwrap_or_default())
            .await?;
        let detail: String = detail.chars().take(MAX_DETAIL_CHARS).collect();
        control
            .audit(&self.author, action, self.plugin(), &detail)
            .await
    }

    /// Returns the text of the run's audit entry.
    fn audit_detail(&self, id: &str, progress: &MigrationProgress, reason: Option<&str>) -> String {
        let (version, digest) = (&self.bundle.manifest.version, self.bundle.digest());
        let reason = reason.map(|reason| format!(": {reason}"));
        format!(
            "run {id}: {}@{version} {digest}, statement {} of {}, on node {}{}",
            self.plugin(),
            progress.statement,
            progress.statements,
            self.recorder.node,
            reason.unwrap_or_default()
        )
    }

    fn not_written(&self, source: ControlError) -> MigrationError {
        MigrationError::Control {
            plugin: self.plugin().to_owned(),
            source,
        }
    }
}

/// Returns whether a run that failed by this error, on its `connection`th connection, goes on over
/// another one: this one broke, or the server is still starting.
fn may_reconnect(error: &MigrationError, connection: u32) -> bool {
    match error {
        MigrationError::Migrate { source, .. } => {
            // While a server restarts, the lock cannot be taken either.
            let is_starting = connection > 1 && source.is_lock();
            source.is_broken_connection() || is_starting
        }
        _ => false,
    }
}
