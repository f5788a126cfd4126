//! Handler that fills plugins' tables with generated rows.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::{StreamExt, future};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::admin::AdminState;
use crate::admin::api::{Seed, SeedProgress};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::Release;

/// Maximum number of rows that may be asked for.
const MAX_ROWS: u64 = 100_000_000;

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
    let (sender, progress) = watch::channel(Vec::new());
    tokio::spawn(async move {
        for release in releases {
            fill(&state, &action, &release, order.rows, &sender).await;
        }
    });
    let mut sent = Vec::new();
    let lines = WatchStream::new(progress).map(move |progress| {
        let lines = changed_lines(&sent, &progress);
        sent = progress;
        lines
    });
    let lines = lines.filter(|lines| future::ready(!lines.is_empty()));
    let body = Body::from_stream(lines.map(Ok::<_, Infallible>));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body))
}

/// Returns a line for each plugin whose progress is not in `sent`. A slow reader
/// misses steps, but not the last one of any plugin, which may be an error.
fn changed_lines(sent: &[SeedProgress], progress: &[SeedProgress]) -> String {
    let places = progress.iter().enumerate();
    let changed = places.filter(|(place, progress)| sent.get(*place) != Some(*progress));
    let lines = changed.filter_map(|(_, progress)| serde_json::to_string(progress).ok());
    lines.map(|line| line + "\n").collect()
}

/// Returns the releases that are to fill their tables.
async fn able(state: &AdminState, order: &Seed) -> Result<Vec<Arc<Release>>> {
    if order.rows == 0 || order.rows > MAX_ROWS {
        return Err(ApiError::bad_request(format!(
            "rows is not 1 to {MAX_ROWS}"
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

/// Progress of one plugin, among that of all.
struct Progress<'s> {
    all: &'s watch::Sender<Vec<SeedProgress>>,
    place: usize,
    plugin: &'s str,
}

impl Progress<'_> {
    /// Changes the progress, which is listed from its first change on.
    fn update(&self, change: impl FnOnce(&mut SeedProgress)) {
        self.all.send_modify(|all| {
            all.resize_with(self.place + 1, || SeedProgress {
                plugin: self.plugin.to_owned(),
                ..SeedProgress::default()
            });
            if let Some(progress) = all.last_mut() {
                change(progress);
            }
        });
    }
}

/// Fills the tables of one plugin, and adds its progress to that of the others.
async fn fill(
    state: &AdminState,
    action: &AuditedAction,
    release: &Release,
    rows: u64,
    all: &watch::Sender<Vec<SeedProgress>>,
) {
    let plugin = &*release.manifest.name;
    let place = all.borrow().len();
    let progress = Progress { all, place, plugin };
    let tell = |done, total| {
        progress.update(|progress| (progress.done, progress.total) = (done, total));
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
        progress.update(|progress| progress.error = Some(error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(plugin: &str, done: u64, error: Option<&str>) -> SeedProgress {
        SeedProgress {
            plugin: plugin.to_owned(),
            done,
            total: 9,
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn a_reader_that_is_slow_misses_no_error() {
        let sent = [progress("a", 3, None)];
        let now = [progress("a", 4, Some("full")), progress("b", 1, None)];
        let lines = changed_lines(&sent, &now);
        let lines: Vec<SeedProgress> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines, now);
        assert_eq!(changed_lines(&now, &now), "");
    }
}
