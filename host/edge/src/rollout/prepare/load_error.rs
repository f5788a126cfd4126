//! Errors of loading a bundle, each of which names its cause.

use bundle::BundleError;
use stores::sql::OpenError;

use crate::rollout::backends::GrantError;
use crate::runtime;

/// Error when a bundle cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The component is invalid, or does not fit its grants or this host.
    #[error("plugin {plugin}: the component {component} {source}")]
    Incompatible {
        /// Name of the plugin.
        plugin: String,
        /// File name of the component.
        component: String,
        /// Cause of the failure.
        source: runtime::LoadError,
    },
    /// The manifest has scheduled tasks that the component cannot run.
    #[error(
        "plugin {0}: the manifest has [[schedule]], but the component exports no edge:platform/schedule"
    )]
    NoSchedule(String),
    /// The component keeps accounts, but the manifest has no grant to hash
    /// their passwords.
    #[error(
        "plugin {0}: the component exports edge:platform/accounts, which is told passwords, but \
         the manifest has no `identity` in [grants]"
    )]
    NoIdentity(String),
    /// Settings are missing that the manifest requires in production.
    #[error("plugin {plugin}: refused in production: {gaps}")]
    Production {
        /// Name of the plugin.
        plugin: String,
        /// Missing settings, each with the effect of leaving it out.
        gaps: String,
    },
    /// The database cannot be opened.
    #[error("plugin {plugin}: {source}")]
    Database {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: OpenError,
    },
    /// A grant of the manifest cannot be fulfilled.
    #[error("plugin {plugin}: {source}")]
    Grant {
        /// Name of the plugin.
        plugin: String,
        /// Cause of the failure.
        source: GrantError,
    },
}

impl LoadError {
    /// Returns whether a retry may succeed, because a store that the plugin
    /// needs does not answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => source.is_transient(),
            Self::Grant {
                source: GrantError::Buckets(source),
                ..
            } => source.is_transient(),
            _ => false,
        }
    }

    /// Returns whether connecting to the plugin's database failed, for whatever
    /// reason.
    #[must_use]
    pub fn is_about_database(&self) -> bool {
        matches!(self, Self::Database { source, .. } if source.is_about_connecting())
    }
}
