//! Errors of running migrations.

use stores::sql::MigrateError;

use crate::rollout::control::ControlError;
use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::prepare::load_error::LoadError;

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
