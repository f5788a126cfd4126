//! Filling a plugin's tables, step by step, while every other node waits.

use stores::sql::MigrateError;

use crate::guest::CallError;
use crate::rollout::serving::release::Release;

/// Tables could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The plugin does not export `edge:platform/seed`, or has no database.
    #[error(
        "plugin {0} cannot fill its tables: it exports no edge:platform/seed or has no database"
    )]
    CannotSeed(String),
    /// Another node has been at it for too long.
    #[error(transparent)]
    Lock(#[from] MigrateError),
    /// An instance failed.
    #[error("plugin {plugin}: a seeding step failed: {source}")]
    Call {
        /// The plugin.
        plugin: String,
        /// How.
        source: CallError,
    },
    /// The plugin cannot go on.
    #[error("plugin {plugin}: seeding: {reason}")]
    Plugin {
        /// The plugin.
        plugin: String,
        /// Its own words.
        reason: String,
    },
}

impl Release {
    /// Let the plugin fill its tables: up to `goal` rows of its main one, or
    /// with its starter data when they are empty. `report` is told how far it
    /// is after every step (done, total).
    ///
    /// # Errors
    /// Says which step failed; what was done before it stays.
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
