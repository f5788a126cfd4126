//! Metrics for Prometheus, with one file for each subject.
//!
//! All values are read from counters when they are scraped, so requests only
//! pay for the counting. Names follow Prometheus and OpenTelemetry: base units,
//! `_total` for monotonic counters, and no label whose value clients choose. A
//! release's series begin and end with the release.

mod breakers;
mod cache;
mod clock;
mod families;
mod fleet;
mod host_calls;
mod http;
mod plugin_counters;
mod plugins;
mod process;
mod reply_cache;
mod rollouts;
mod served;
mod stores;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use prometheus::{TEXT_FORMAT, TextEncoder};

use super::AdminState;
use super::error::{ApiError, Result};
use served::Served;

/// GET `/metrics`: returns all metrics in the text format of Prometheus.
pub(super) async fn show(State(state): State<Arc<AdminState>>) -> Result<impl IntoResponse> {
    let served = Served::all(&state.live);
    let mut families = http::families(&state);
    families.extend(plugins::families(&served));
    families.extend(stores::families(&served));
    families.extend(breakers::families(&state, &served));
    families.extend(host_calls::families(&served));
    families.extend(rollouts::families(&state));
    families.extend(fleet::families(&state));
    families.extend(clock::families(&state));
    families.extend(plugin_counters::families(&state.counters));
    families.push(cache::family(state.activator.artifacts()));
    families.extend(reply_cache::families(&state));
    families.extend(process::families(state.traces.as_deref()));
    // A family without values would be a name without a sample.
    families.retain(|family| !family.get_metric().is_empty());
    families::add_region(&mut families, &state.reconciler.name().region);
    let encoded = TextEncoder::new().encode_to_string(&families);
    let text = encoded.map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(CONTENT_TYPE, TEXT_FORMAT)], text))
}
