//! A node, put together from its settings up to the ports that serve.

mod admin_token;
mod deploying;
mod error;
mod load;
mod loaded;
mod preparer;
mod retry;
mod role;
mod run;
mod seed;
mod shared;
mod start;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::admin::{Admin, AdminTokens};
use crate::ingress::{Server, Service};
use crate::rollout::{
    MissingPlugin, NodeConnections, Notifier, Reconciler, Release, RolloutController,
};
use crate::telemetry::traces::Traces;

pub use admin_token::own_admin_token;
pub use error::StartError;
pub use load::load;
pub use loaded::Loaded;
pub use shared::key_rings;

/// A node that is ready: its ports are bound, and open with [`Node::run`].
pub struct Node {
    server: Server,
    admin: Option<Admin>,
    tokens: AdminTokens,
    service: Arc<Service>,
    loaded: Loaded,
    reconciler: Arc<Reconciler>,
    connections: Arc<NodeConnections>,
    controller: RolloutController,
    notifier: Arc<Notifier>,
    traces: Option<Arc<Traces>>,
}

impl Node {
    /// Returns the address of the shop's port without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the address of the shop's port with TLS, if there is one.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.server.tls_address()
    }

    /// Returns the address of the operators' port, if there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Returns the active releases.
    #[must_use]
    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.loaded.releases()
    }

    /// Returns the plugins that the node should serve and does not.
    #[must_use]
    pub fn missing(&self) -> Vec<MissingPlugin> {
        self.reconciler.missing()
    }
}
