//! `edge cache`: shows and forgets the replies that a node keeps.

use bytesize::ByteSize;
use strum::VariantArray;

use super::client::Client;
use super::output;
use super::output::table::Table;
use crate::admin::api::{CacheExplanation, CacheState};
use crate::config::Settings;
use crate::telemetry::CacheResult;

/// Subcommands of `edge cache`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show what the cache of the node holds, and what it did for each route.
    Stats {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Explain whether the replies to a path are kept, and if not, why.
    Why {
        /// Path of a request, perhaps with a query, such as `/products?page=2`.
        target: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget all replies that the node keeps.
    Purge,
}

pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    match command {
        Command::Stats { json } => {
            let state: CacheState = client.get("/v1/cache").await?;
            output::print_value(&state, json, print_state)
        }
        Command::Why { target, json } => {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("target", &target)
                .finish();
            let path = format!("/v1/cache/why?{query}");
            let explanation: CacheExplanation = client.get(&path).await?;
            output::print_value(&explanation, json, print_explanation)
        }
        Command::Purge => {
            let state: CacheState = client.delete("/v1/cache").await?;
            output::print(format_args!(
                "purged: the node keeps {} replies now\n",
                state.entries
            ))
        }
    }
}

fn print_state(state: &CacheState) -> String {
    let (bytes, most) = (ByteSize(state.bytes), ByteSize(state.max_bytes));
    let mut text = format!("{} replies, {bytes} of {most}\n", state.entries);
    let results = CacheResult::VARIANTS.iter().map(|result| result.name());
    let headings = results.clone().map(str::to_uppercase);
    let headings: Vec<_> = ["ROUTE".to_owned(), "HIT RATE".to_owned()]
        .into_iter()
        .chain(headings)
        .collect();
    let mut table = Table::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for route in &state.routes {
        let counts = results
            .clone()
            .map(|name| route.results.get(name).copied().unwrap_or_default());
        let all: u64 = counts.clone().sum();
        let hits = route
            .results
            .get(CacheResult::Hit.name())
            .copied()
            .unwrap_or_default();
        let rate = format!("{} %", 100 * hits / all.max(1));
        let cells = [route.route.clone(), rate].into_iter();
        table.row(cells.chain(counts.map(|count| count.to_string())));
    }
    text.push_str(&table.to_string());
    text
}

fn print_explanation(explanation: &CacheExplanation) -> String {
    let mut text = format!("route {}\n", explanation.route);
    for (release, known) in &explanation.releases {
        let known = match known {
            Some(known) => known.to_string(),
            None => "not cached: the manifest's `cache.routes` do not name the route".to_owned(),
        };
        text.push_str(&format!("{release}: {known}\n"));
    }
    text
}
