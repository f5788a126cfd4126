//! Loading of a node's plugins while the control database may not answer yet.

use std::sync::Arc;
use std::time::Duration;

use super::error::StartError;
use super::load::load_as;
use super::loaded::Loaded;
use super::role::Role;
use crate::config::Settings;
use crate::ingress::Server;
use crate::telemetry::NodeWarnings;

/// First pause before a control database that did not answer is tried again. Pauses grow up to
/// [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Loads the plugins of `settings` once the control database answers. While it does not, the node's
/// ports answer probes.
pub(super) async fn load_once_possible(
    settings: &Settings,
    server: Server,
    warnings: &Arc<NodeWarnings>,
) -> Result<(Server, Loaded), StartError> {
    let first = load_as(Role::Node, settings, warnings).await;
    let Err(error) = first else {
        return Ok((server, first?));
    };
    if !error.is_transient() {
        return Err(error);
    }
    tracing::error!("nothing is served yet: {error}; the node waits and tries again");
    let loading = Box::pin(load_again(settings, warnings));
    let (server, loaded) = server.answer_probes_during(loading).await?;
    tracing::info!("the control database answers");
    Ok((server, loaded?))
}

async fn load_again(
    settings: &Settings,
    warnings: &Arc<NodeWarnings>,
) -> Result<Loaded, StartError> {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = MAX_PAUSE.min(pause * 2);
        match load_as(Role::Node, settings, warnings).await {
            Err(error) if error.is_transient() => tracing::warn!("still waiting: {error}"),
            loaded => return loaded,
        }
    }
}
