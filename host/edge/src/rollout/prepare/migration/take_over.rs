//! Takes over runs of migrations whose node ended.
//!
//! A node takes over the runs that it would have begun itself: of a release
//! signed by a key that it trusts, in the same database in which the run began.
//! Other runs are left for another node. The reason is logged, and is recorded
//! in the audit if it cannot change by itself.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use bundle::{Bundle, SignatureError};

use super::error::MigrationError;
use super::migrator::Migrator;
use super::recorder::{abandoned, target};
use crate::rollout::control::ControlError;
use crate::rollout::control::migrations::{MigrationRun, RunState};
use crate::rollout::control::notifier::Notifier;

/// Interval at which open runs are checked for a node that ended.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// Action in the audit for a run that a node does not take over.
const REFUSED: &str = "refused";

/// Reason why a node does not take over a run.
#[derive(Debug, thiserror::Error)]
enum NotTakenOver {
    /// No trusted key signed the release.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The run is in another database than this node's for the plugin.
    #[error("this node's database for the plugin is not the one of the run, {0}")]
    OtherDatabase(String),
    /// The plugin's database does not answer, or refuses this node.
    #[error(transparent)]
    Database(#[from] MigrationError),
    /// The release has no database on this node.
    #[error("the release has no database here")]
    NoDatabase,
    /// Another node holds the lock of the migrations, such as the run's own
    /// node if it is only slow to report.
    #[error("another node holds the lock of the migrations")]
    Locked,
}

impl NotTakenOver {
    /// Returns whether the reason cannot change by itself, so that an operator
    /// has to know.
    fn is_for_good(&self) -> bool {
        matches!(self, Self::Signature(_) | Self::OtherDatabase(_))
    }
}

impl Migrator {
    /// Takes over runs whose node ended, checking every 3 s for as long as this
    /// future is polled.
    pub async fn take_over(self: &Arc<Self>, wake: &Notifier) {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            match self.look().await {
                Ok(false) => {}
                Ok(true) => wake.everywhere().await,
                Err(error) => tracing::debug!("runs of migrations cannot be looked at: {error}"),
            }
        }
    }

    async fn look(self: &Arc<Self>) -> Result<bool, ControlError> {
        let mut changed = false;
        let open = self.recorder.control.open_runs().await?;
        self.forget_all_but(&open);
        for run in open {
            if run.is_stale() && !self.runs(run.digest) {
                changed |= self.take_over_run(&run).await?;
            }
        }
        Ok(changed)
    }

    /// Takes over or ends a run, and returns whether anything was changed.
    async fn take_over_run(self: &Arc<Self>, run: &MigrationRun) -> Result<bool, ControlError> {
        if run.database.starts_with("sqlite:") {
            // A SQLite file belongs to its node alone, and rolls back by itself
            // what was cut off.
            return self.give_up(run, &abandoned(run)).await;
        }
        let (bundle, signature) = match self.recorder.control.bundle(run.digest).await {
            Ok(found) => found,
            // No node can continue the run, and later runs wait for its end.
            Err(error @ ControlError::Bundle { .. }) => {
                let reason = format!("{}; {error}", abandoned(run));
                return self.give_up(run, &reason).await;
            }
            Err(error) => return Err(error),
        };
        let Some(target) = self.recorder.control.target_of_run(&run.id).await? else {
            return Ok(false);
        };
        if let Err(reason) = self.check_run(run, &bundle, &signature, &target).await {
            self.leave_alone(run, &reason).await?;
            return Ok(false);
        }
        tracing::warn!(
            plugin = run.plugin,
            "node {} ended in a run of migrations at statement {} of {}; this node goes on",
            run.node,
            run.statement,
            run.statements
        );
        let statements = usize::try_from(run.statements).unwrap_or_default();
        drop(self.start(&bundle, &run.author, statements, None));
        Ok(true)
    }

    async fn give_up(&self, run: &MigrationRun, reason: &str) -> Result<bool, ControlError> {
        let control = &self.recorder.control;
        control
            .end_run(&run.id, &run.node, RunState::Failed, reason)
            .await
    }

    /// Checks that this node is allowed to continue a run on the target
    /// `expected`, which identifies a plugin and its database, and that no other
    /// node runs it.
    async fn check_run(
        &self,
        run: &MigrationRun,
        bundle: &Bundle,
        signature: &str,
        expected: &str,
    ) -> Result<(), NotTakenOver> {
        let plugin = &bundle.manifest.name;
        self.trusted.check(plugin, run.digest, signature)?;
        let opened = self.loader.open_database(&bundle.manifest).await;
        let Some(database) = opened.map_err(MigrationError::from)? else {
            return Err(NotTakenOver::NoDatabase);
        };
        let checking = async {
            if target(&database, plugin).await? != expected {
                return Err(NotTakenOver::OtherDatabase(run.database.clone()));
            }
            match database.try_lock_migrations(plugin).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(NotTakenOver::Locked),
                Err(source) => Err(NotTakenOver::Database(MigrationError::Migrate {
                    plugin: plugin.clone(),
                    source,
                })),
            }
        };
        let checked = checking.await;
        database.close().await;
        checked
    }

    /// Logs once for each run and reason why this node does not take it over,
    /// and records it in the audit if the reason cannot change by itself.
    async fn leave_alone(
        &self,
        run: &MigrationRun,
        reason: &NotTakenOver,
    ) -> Result<(), ControlError> {
        let text = format!("run {} of migrations is not taken over: {reason}", run.id);
        let before = self.left_alone().insert(run.id.clone(), text.clone());
        if before.as_deref() == Some(&text) {
            return Ok(());
        }
        if !reason.is_for_good() {
            tracing::info!(plugin = run.plugin, "{text}");
            return Ok(());
        }
        tracing::error!(plugin = run.plugin, "{text}");
        let author = self.author();
        self.recorder
            .control
            .audit(&author, REFUSED, &run.plugin, &text)
            .await
    }

    fn forget_all_but(&self, open: &[MigrationRun]) {
        self.left_alone()
            .retain(|id, _| open.iter().any(|run| run.id == *id));
    }

    fn left_alone(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.left_alone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
