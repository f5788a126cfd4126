//! Beginning of a rollout: the release is made ready on this node first.

use axum::Json;

use super::in_progress::{in_progress, open};
use crate::admin::AdminState;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::rollout::control::rollouts::MaxUnavailable;
use crate::rollout::control::rollouts::{NewRollout, Phase, Rollout};

/// Maximum length of a client's claim of a bundle's origin in the audit, in
/// characters.
const MAX_ORIGIN: usize = 500;

/// Begins a rollout. `origin` is where the bundle comes from, according to the
/// client.
pub(super) async fn begin(
    state: &AdminState,
    action: &AuditedAction,
    new: NewRollout,
    origin: Option<&str>,
) -> Result<Json<Rollout>> {
    if let Some(other) = state.control.open_rollout_of(&new.plugin).await? {
        return Err(in_progress(&other));
    }
    if let Some(digest) = new.digest {
        let prepared = state
            .activator
            .prepare(&new.plugin, digest, &new.author)
            .await;
        if let Err(error) = prepared {
            tracing::warn!(plugin = new.plugin, %digest, "a release was refused: {error}");
            return Err(error.into());
        }
    }
    let Some(id) = state.control.begin_rollout(&new).await? else {
        let other = open(state, &new.plugin).await?;
        return Err(in_progress(&other));
    };
    refuse_collected(state, &new, &id).await?;
    let detail = described(&new, &id, origin);
    action.done(state, &detail).await?;
    state.notifier.leaders().await;
    let rollout = state.control.rollout(&id).await?;
    rollout
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("the rollout {id} is gone")))
}

/// Describes a rollout for the audit.
fn described(new: &NewRollout, id: &str, origin: Option<&str>) -> String {
    let to = new
        .digest
        .map_or("nothing".to_owned(), |digest| digest.to_string());
    let origin = origin.map_or(String::new(), |origin| format!(", from {}", plain(origin)));
    let regions = new.regions.join(", ");
    let tolerance = match new.max_unavailable {
        MaxUnavailable::Nodes(0) | MaxUnavailable::Any => String::new(),
        MaxUnavailable::Nodes(most) => format!(", with {most} nodes of each unavailable"),
    };
    format!("rollout {id}: to {to}, in {regions}{tolerance}{origin}")
}

/// Aborts the rollout if a collection that began before it has taken its
/// bundle.
async fn refuse_collected(state: &AdminState, new: &NewRollout, id: &str) -> Result<()> {
    let Some(digest) = new.digest else {
        return Ok(());
    };
    let record = state.control.bundle_record(digest).await?;
    if record.is_some_and(|record| !record.collected) {
        return Ok(());
    }
    let detail = format!("the bundle {digest} was collected meanwhile; add it again");
    if let Some(rollout) = state.control.rollout(id).await? {
        let moved = state
            .control
            .move_rollout(&rollout, Phase::Aborting, &detail);
        moved.await?;
        state.notifier.leaders().await;
    }
    Err(ApiError::conflict(detail))
}

/// Returns the printable characters of a client's claim, shortened for the
/// audit.
fn plain(text: &str) -> String {
    let graphic = text.chars().filter(char::is_ascii_graphic);
    graphic.take(MAX_ORIGIN).collect()
}
