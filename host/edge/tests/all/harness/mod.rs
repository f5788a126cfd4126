//! A whole node in the test's own process, the plugins it runs, and clients
//! that talk to it.

mod client;
mod composed;
mod data;
mod document;
mod edge;
mod large;
pub mod leaks;
mod logs;
mod node;
mod operator;
mod plugins;
mod proxy;
mod reply;
mod wire;

pub use client::Client;
pub use composed::composed;
pub use data::{data_folder, empty_data_folder, share};
pub use document::{Document, Operation};
pub use edge::{
    Running, edge, edge_serve_ignoring, edge_serve_on_a_limited_disk, edge_serve_on_a_small_disk,
    edge_serve_told, edge_serve_with_files_of, edge_serve_within, edge_with_clock, may_mount,
    refusal,
};
pub use large::with_ballast;
pub use node::{SECRET, TestNode, exchange, settings, start_error};
pub use operator::{Operator, TOKEN, TOKENS};
pub use plugins::{PluginFolder, component, fixture, variant};
pub use proxy::{Mode, Proxy};
pub use reply::Reply;
pub use wire::{Wire, get, post};

use std::time::Duration;

/// How long anything may take before its test fails instead of hanging: a node
/// may have to compile its plugins first, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The output of `work`, which has to come within [`PATIENCE`].
pub async fn in_time<F: Future>(what: &str, work: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing after {PATIENCE:?}"),
    }
}

/// Look again and again, until `look` finds what it looks for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    in_time(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}
