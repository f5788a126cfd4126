//! Handler that streams this node's log lines, one JSON object a line.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Query};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::{StreamExt, future};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use crate::telemetry::feed::{self, Line, Watch};

/// Query parameters that select log lines.
#[derive(Debug, Deserialize)]
pub(super) struct LogQuery {
    /// Only lines that name this plugin; all lines when absent.
    plugin: Option<String>,
    /// True to continue with new lines as they are logged.
    #[serde(default)]
    follow: bool,
}

impl LogQuery {
    fn matches(&self, line: &Line) -> bool {
        let plugin = self.plugin.as_deref();
        plugin.is_none_or(|plugin| line.plugin.as_deref() == Some(plugin))
    }
}

/// GET `/v1/logs`: returns the lines that are kept, and new ones if `follow` is
/// set.
pub(super) async fn show(
    Extension(stop): Extension<CancellationToken>,
    Query(query): Query<LogQuery>,
) -> impl IntoResponse {
    let Watch {
        kept,
        coming,
        watching,
    } = feed::watch();
    let kept = kept
        .into_iter()
        .filter(|line| query.matches(line))
        .map(bytes);
    let kept = futures_util::stream::iter(kept.collect::<Vec<_>>());
    let follow = query.follow;
    // A reader that is too slow misses lines rather than delaying the node.
    let coming = BroadcastStream::new(coming)
        .filter_map(|line| future::ready(line.ok()))
        .filter(move |line| {
            let _for_as_long_as_lines_come = &watching;
            future::ready(query.matches(line))
        })
        .map(bytes)
        .take_until(stop.cancelled_owned());
    let body = match follow {
        true => Body::from_stream(kept.chain(coming).map(Ok::<_, Infallible>)),
        false => Body::from_stream(kept.map(Ok::<_, Infallible>)),
    };
    ([(CONTENT_TYPE, "application/x-ndjson")], body)
}

fn bytes(line: Line) -> Bytes {
    Bytes::from(format!("{}\n", line.json))
}
