//! Fills a plugin's tables step by step, under a lock that makes other nodes
//! wait.

use stores::sql::MigrateError;

use crate::guest::CallError;
use crate::rollout::serving::release::Release;

/// Error when tables could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The plugin does not export `edge:platform/seed`, or has no database.
    #[error(
        "plugin {0} cannot fill its tables: it exports no edge:platform/seed or has no database"
    )]
    CannotSeed(String),
    /// The lock could not be taken, for instance because another node holds it
    /// for too long.
    #[error(transparent)]
    Lock(#[from] MigrateError),
    /// The call of a seeding step failed.
    #[error("plugin {plugin}: a seeding step failed: {source}")]
    Call {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: CallError,
    },
    /// The plugin returned an error from a seeding step.
    #[error("plugin {plugin}: seeding: {reason}")]
    Plugin {
        /// Name of the plugin.
        plugin: String,
        /// Reason that the plugin gave.
        reason: String,
    },
}

impl Release {
    /// Fills the plugin's tables: up to `goal` rows of the main one, or with
    /// the plugin's starter data if they are empty. After every step, `report`
    /// is called with the progress (done, total).
    ///
    /// # Errors
    /// When the plugin cannot seed, the lock cannot be taken, or a step fails.
    /// Completed steps are kept.
    pub async fn seed(
        &self,
        goal: Option<u64>,
        mut report: impl FnMut(u64, u64),
    ) -> Result<(), SeedError> {
        let plugin = &self.manifest.name;
        let Some(database) = self
            .database
            .as_ref()
            .filter(|_| self.plugin.exports().can_seed)
        else {
            return Err(SeedError::CannotSeed(plugin.clone()));
        };
        let _lock = database.lock_schema(plugin).await?;
        loop {
            let step = self.plugin.seed_step(goal).await;
            let step = step.map_err(|source| SeedError::Call {
                plugin: plugin.clone(),
                source,
            })?;
            let progress = step.map_err(|reason| SeedError::Plugin {
                plugin: plugin.clone(),
                reason,
            })?;
            report(progress.done, progress.total);
            if progress.done >= progress.total {
                return Ok(());
            }
        }
    }
}
