//! Records the runs of a node in the control database, of which each plugin has
//! at most one in each database.

use std::sync::Arc;

use bundle::Bundle;
use sha2::{Digest as _, Sha256};
use stores::sql::DatabaseAccess;

use super::error::MigrationError;
use crate::rollout::control::Control;
use crate::rollout::control::migrations::{MigrationRun, NewRun, RunState};

/// Recorder of the runs of one node.
pub(super) struct RunRecorder {
    pub(super) control: Arc<Control>,
    pub(super) node: String,
    pub(super) region: String,
}

impl RunRecorder {
    /// Records a run of this node and returns its id, replacing a run whose
    /// node ended. The caller either holds the lock of the migrations or has
    /// found that no node reports on the run.
    pub(super) async fn record(
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
pub(super) async fn target(
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
