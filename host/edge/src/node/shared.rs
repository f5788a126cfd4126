//! Stores, control database and keys that a node shares with the shop's other nodes.

use std::sync::Arc;

use super::error::StartError;
use super::role::Role;
use crate::config::Settings;
use crate::rollout::control::Control;
use crate::rollout::{Backends, BackendsError, KeyRings, Keys, token_keys};

/// Parts of a node that all nodes of a shop share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) services: Arc<Backends>,
    pub(super) control: Arc<Control>,
    /// Keys of the node; `None` for a command.
    pub(super) keys: Option<Arc<Keys>>,
}

impl Shared {
    /// Opens the stores and the control database. The keys of a node are compared with those of the
    /// others before anything is changed in the shop's databases.
    pub(super) async fn open(settings: &Settings, role: Role) -> Result<Self, StartError> {
        let settings = Arc::new(settings.clone());
        let services = Arc::new(Backends::open(&settings).await?);
        let control = Control::open(
            services.databases(),
            &settings.control_url,
            services.clock().clone(),
        );
        let control = control.await?;
        let control = Arc::new(control.forgetting_nodes_after(settings.forget_after.node));
        let keys = match role {
            Role::Node => Some(Arc::new(Keys::join(key_rings(&settings)?, &control).await?)),
            Role::Command => None,
        };
        Ok(Self {
            settings,
            services,
            control,
            keys,
        })
    }
}

/// Returns the fingerprints of the keys that a node with these settings has.
///
/// # Errors
/// When the secret cannot be read, or a key is malformed.
pub fn key_rings(settings: &Settings) -> Result<KeyRings, BackendsError> {
    let master = settings.master_secret()?;
    let tokens = token_keys(settings, &master)?.ring();
    let secret = master.ring();
    Ok(KeyRings { secret, tokens })
}
