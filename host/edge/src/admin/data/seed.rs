//! Handler that fills plugins' tables with generated rows.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::admin::AdminState;
use crate::admin::api::{Seed, SeedProgress};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::Release;

/// Maximum number of rows that may be asked for.
const MOST_ROWS: u64 = 100_000_000;

/// POST `/v1/seed`: makes plugins fill their tables up to a number of rows. The
/// reply reports the progress, one JSON object a line; the work continues if
/// its reader disconnects.
pub(super) async fn begin(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(order): Json<Seed>,
) -> Result<impl IntoResponse> {
    let action = AuditedAction::new(author, "seed", order.plugin.as_deref().unwrap_or_default());
    let outcome = able(&state, &order).await;
    let releases = action.record_refusal(&state, outcome).await?;
    for release in &releases {
        action
            .for_plugin(&release.manifest.name)
            .done(&state, &format!("up to {} rows", order.rows))
            .await?;
    }
    let (sender, progress) = watch::channel(SeedProgress::default());
    tokio::spawn(async move {
        for release in releases {
            fill(&state, &action, &release, order.rows, &sender).await;
        }
    });
    let lines = WatchStream::new(progress).filter_map(async |progress| {
        let line = serde_json::to_string(&progress).ok()?;
        (!progress.plugin.is_empty())
            .then(|| Ok::<_, std::convert::Infallible>(Bytes::from(format!("{line}\n"))))
    });
    let body = Body::from_stream(lines);
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body))
}

/// Returns the releases that are to fill their tables.
async fn able(state: &AdminState, order: &Seed) -> Result<Vec<Arc<Release>>> {
    if order.rows == 0 || order.rows > MOST_ROWS {
        return Err(ApiError::bad_request(format!(
            "rows is not 1 to {MOST_ROWS}"
        )));
    }
    if state.production && !order.confirm {
        return Err(ApiError::conflict(
            "this node seems to serve real customers (it has a database server, TLS or \
             `production`), and generated rows would be sold to them: `--yes`, or \
             \"confirm\": true, makes them all the same",
        ));
    }
    let mut able = state.live.releases();
    able.retain(|release| {
        let is_meant = order
            .plugin
            .as_ref()
            .is_none_or(|name| *name == release.manifest.name);
        is_meant && release.plugin.exports().can_seed
    });
    match (able.is_empty(), &order.plugin) {
        (false, _) => Ok(able),
        (true, Some(plugin)) => Err(ApiError::unfit(format!(
            "no plugin {plugin} that can fill its tables serves on this node"
        ))),
        (true, None) => Err(ApiError::unfit(
            "no plugin that this node serves can fill its tables",
        )),
    }
}

/// Fills the tables of one plugin, and reports the progress to `sender`.
async fn fill(
    state: &AdminState,
    action: &AuditedAction,
    release: &Release,
    rows: u64,
    sender: &watch::Sender<SeedProgress>,
) {
    let plugin = &release.manifest.name;
    let tell = |done, total| {
        sender.send_replace(SeedProgress {
            plugin: plugin.clone(),
            done,
            total,
            error: None,
        });
    };
    let filled = release.seed(Some(rows), tell).await;
    let (name, detail) = match &filled {
        Ok(()) => ("seeded", format!("up to {rows} rows")),
        Err(error) => ("seed-failed", error.to_string()),
    };
    let action = action.for_plugin(plugin);
    if let Err(error) = action.done_as(state, name, &detail).await {
        tracing::warn!(
            plugin,
            "the end of filling tables is not in the audit: {error}"
        );
    }
    if let Err(error) = filled {
        tracing::error!(plugin, "{error}");
        sender.send_modify(|progress| {
            progress.plugin.clone_from(plugin);
            progress.error = Some(error.to_string());
        });
    }
}
