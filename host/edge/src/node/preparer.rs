//! Preparation of the releases that a node is to serve when it starts.

use std::sync::Arc;

use bundle::TrustedKeys;

use super::deploying::{begin, defer, deploy};
use super::error::StartError;
use super::loaded::Loaded;
use super::role::Role;
use super::shared::Shared;
use crate::rollout::{Activator, Deferred, Desired, Loader, Migrator, ServingState, runtime_for};
use crate::runtime::Runtime;
use crate::runtime::engine::artifacts::Artifacts;
use crate::telemetry::NodeWarnings;

/// Parts that make releases ready, migrate their tables and activate them.
pub(super) struct Preparer {
    shared: Shared,
    trusted: TrustedKeys,
    runtime: Arc<Runtime>,
    loader: Arc<Loader>,
    migrator: Arc<Migrator>,
    live: Arc<ServingState>,
    /// Id of the node, for as long as it runs.
    node: String,
}

impl Preparer {
    /// Returns a preparer whose runtime has room for the releases in `desired`.
    pub(super) fn new(
        shared: Shared,
        desired: &[Desired],
        trusted: TrustedKeys,
        warnings: &Arc<NodeWarnings>,
    ) -> Result<Self, StartError> {
        let settings = &shared.settings;
        let sources = desired.iter().flat_map(Desired::sources);
        let runtime = Arc::new(runtime_for(sources, settings.releases.spare_instances)?);
        let artifacts = Arc::new(Artifacts::new(&settings.data_dir, warnings.clone()));
        let loader = Arc::new(Loader::new(
            settings.clone(),
            runtime.clone(),
            artifacts,
            shared.services.clone(),
        ));
        let node = format!("{:08x}", rand::random::<u32>());
        let migrator = Migrator::new(
            shared.control.clone(),
            loader.clone(),
            node.clone(),
            settings.region.clone(),
            trusted.clone(),
        );
        Ok(Self {
            live: Arc::new(ServingState::new(runtime.directory().clone())),
            shared,
            trusted,
            runtime,
            loader,
            migrator,
            node,
        })
    }

    /// Prepares and activates the plugins. Returns those that are deferred, or that are active
    /// without their canary. `is_whole` tells that no other plugin is deferred.
    pub(super) async fn activate(
        &self,
        desired: &[Desired],
        role: Role,
        is_whole: bool,
    ) -> Result<Vec<Deferred>, StartError> {
        let (mut ready, mut deferred) = (Vec::new(), Vec::new());
        for plugin in desired {
            match deploy(&self.loader, &self.migrator, plugin).await {
                Ok((deployed, without_canary)) => {
                    ready.push((plugin, deployed));
                    deferred.extend(without_canary);
                }
                Err(error) if role.defers(plugin, &error) => deferred.push(defer(plugin, &error)),
                Err(error) => return Err(error),
            }
        }
        let is_whole = is_whole && deferred.is_empty();
        deferred.extend(begin(&self.live, ready, is_whole, role).await?);
        Ok(deferred)
    }

    /// Returns the plugins that were activated.
    pub(super) fn into_loaded(
        self,
        desired: Vec<Desired>,
        deferred: Vec<Deferred>,
        warnings: Arc<NodeWarnings>,
    ) -> Loaded {
        let Shared {
            settings,
            services,
            control,
            keys,
        } = self.shared;
        let activator = Activator::new(
            control.clone(),
            self.loader,
            self.migrator,
            settings.releases.activation_timeout,
            self.trusted,
            settings.seed,
            self.live.clone(),
        );
        Loaded {
            settings,
            services,
            control,
            activator: Arc::new(activator),
            live: self.live,
            desired,
            deferred,
            keys,
            runtime: self.runtime,
            warnings,
            node: self.node,
        }
    }
}
