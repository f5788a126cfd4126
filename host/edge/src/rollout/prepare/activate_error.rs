//! Errors of preparing a release to serve, each of which names its cause.

use std::sync::Arc;
use std::time::Duration;

use bundle::{Digest, SignatureError};
use tokio::task::JoinError;

use super::load_error::LoadError;
use super::migration::MigrationError;
use super::seed::SeedError;
use crate::rollout::control::ControlError;
use crate::rollout::serving::live::IncompatibleError;
use crate::rollout::serving::release::SchemaError;

/// Error when a release cannot be prepared to serve.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The bundle cannot be read now, since the control database does not
    /// answer.
    #[error(transparent)]
    Control(ControlError),
    /// The bundle is missing or unreadable in the control database.
    #[error("{0}")]
    Bundle(ControlError),
    /// No trusted key signed the release.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The bundle cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A migration was refused or failed.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// The migrations still run after the time limit for preparing a release.
    #[error(
        "the migrations of plugin {0} still run; `edge migrations {0}` shows how far they are: \
         deploy again when they are done"
    )]
    Migrating(String),
    /// The release is incompatible with the other plugins.
    #[error(transparent)]
    Incompatible(#[from] IncompatibleError),
    /// The schema of the release's database cannot be read.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Seeding of the release's empty tables failed.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The health path did not answer 200 or 204.
    #[error("plugin {plugin}: the smoke check of {target} failed: {problem}")]
    Health {
        /// Name of the plugin.
        plugin: String,
        /// Health path of the manifest.
        target: String,
        /// Reply or error that came instead.
        problem: String,
    },
    /// A newer revision of the release log replaced the one that asks for the
    /// release.
    #[error("the release is not wanted any more")]
    Superseded,
    /// Preparing the release exceeded its time limit.
    #[error(
        "the release was not ready within {}, the node's activation_timeout; what is compiled by \
         then is kept, so a second attempt takes less",
        humantime::format_duration(*limit)
    )]
    TooSlow {
        /// Time limit, the setting `activation_timeout`.
        limit: Duration,
    },
    /// The task that prepares the release panicked: a fault of the host.
    #[error("making the release ready: {0}")]
    Panicked(#[from] JoinError),
    /// The digest names a release of another plugin.
    #[error("the release {digest} is of the plugin {found}, not of {expected}")]
    OtherPlugin {
        /// Digest of the release.
        digest: Digest,
        /// Plugin to which the release belongs.
        found: String,
        /// Plugin for which the release was asked.
        expected: String,
    },
}

impl From<ControlError> for ActivateError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Bundle { .. } => Self::Bundle(error),
            error => Self::Control(error),
        }
    }
}

impl ActivateError {
    /// Returns whether the release failed because a store that it needs cannot be
    /// reached, so that a retry may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Load(error) => error.is_transient() || error.is_about_database(),
            Self::Migrate(error) => error.is_transient(),
            Self::Schema(_) => true,
            _ => false,
        }
    }
}
