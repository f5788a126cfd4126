//! Errors of starting a node.

use std::sync::Arc;

use stores::limiter::PolicyError;
use stores::redis::UrlError;
use stores::sql::Obstacles;

use crate::admin::{AdminError, TokensError};
use crate::config::secrets::SecretError;
use crate::ingress::ServerError;
use crate::rollout::check::ChecksError;
use crate::rollout::control::ControlError;
use crate::rollout::{
    AdoptError, BackendsError, IncompatibleError, KeysError, LoadError, MigrationError,
    SchemaError, SeedError,
};
use crate::runtime::EngineError;
use crate::telemetry::traces::CollectorError;

/// Error of starting a node.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder or a secret in it cannot be used.
    #[error("the data folder cannot be used: {0}")]
    Data(#[from] SecretError),
    /// The shop's ports cannot be bound, or the certificate cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The operators' port cannot be bound.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The operators' tokens are malformed.
    #[error("admin_tokens {0}")]
    Tokens(#[from] TokensError),
    /// The WebAssembly engine cannot be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A store that plugins share cannot be opened.
    #[error(transparent)]
    Backends(#[from] BackendsError),
    /// The control database cannot be used.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The keys of this node do not match those of the shop's other nodes.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The plugins to serve cannot be determined or written into the release log.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// A trusted key is malformed.
    #[error("trusted_keys {0}")]
    TrustedKey(#[from] bundle::KeyTextError),
    /// The plugins are not compatible with each other.
    #[error(transparent)]
    Incompatible(#[from] IncompatibleError),
    /// The URL of Redis is malformed.
    #[error(transparent)]
    Redis(#[from] UrlError),
    /// The node's own rate limit is not valid.
    #[error("rate_limit: {0}")]
    RateLimit(#[from] PolicyError),
    /// The migrations of a plugin failed.
    #[error(transparent)]
    Migrate(#[from] Arc<MigrationError>),
    /// The schema of a plugin's database cannot be read.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Existing tables prevent the migrations of new plugins.
    #[error(transparent)]
    Tables(#[from] Obstacles),
    /// The empty tables of a plugin cannot be filled.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The export of traces cannot be set up.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The external checks of canaries cannot be set up.
    #[error(transparent)]
    Checks(#[from] ChecksError),
}

impl StartError {
    /// Returns whether the control database did not answer, so that a retry may succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Backends(BackendsError::Revocations(error)) => error.is_transient(),
            Self::Control(error)
            | Self::Adopt(AdoptError::Control(error))
            | Self::Keys(KeysError::Control(error)) => error.is_transient(),
            _ => false,
        }
    }
}
