//! `edge status`: the state of nodes and their releases.

mod connections;
mod summary;
#[cfg(test)]
mod tests;
mod warnings;
mod wide;

use std::time::Duration;

use super::client::Client;
use super::output::rollout::{describe, open_rollout};
use super::{migrate, output};
use crate::admin::api::Status;
use crate::config::Settings;
use crate::printable;

/// Interval at which `--watch` refreshes.
const WATCH: Duration = Duration::from_secs(1);

/// Escape sequence that moves to the corner of a terminal and clears it.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Arguments of `edge status`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Show the status again every second.
    #[arg(long)]
    watch: bool,
    /// Show the connections of each node to its stores instead.
    #[arg(long)]
    connections: bool,
    /// Show a line for each release on each node.
    #[arg(long)]
    wide: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the status, once or every second.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    loop {
        let status: Status = client.get("/v1/status").await?;
        if arguments.watch {
            output::print(format_args!("{CLEAR}"))?;
        }
        let wide = arguments.wide;
        match arguments.connections {
            true => output::print_value(&status, arguments.json, connections::table)?,
            false => output::print_value(&status, arguments.json, |status| text(status, wide))?,
        }
        if !arguments.watch {
            return Ok(());
        }
        tokio::time::sleep(WATCH).await;
    }
}

/// Returns the state of nodes, migrations and rollouts for people.
fn text(status: &Status, wide: bool) -> String {
    let mut text = match wide {
        true => wide::table(status),
        false => summary::text(status),
    };
    for warning in warnings::all(status) {
        text += &format!("\nwarning: {warning}\n");
    }
    for run in &status.migrations {
        text += &format!("\n{}\n", printable::line(&migrate::summary(run)));
    }
    for rollout in &status.rollouts {
        text += &format!("\n{}", open_rollout(rollout));
        let mut progress = status.progress.iter();
        if let Some(progress) = progress.find(|progress| progress.rollout == rollout.id) {
            text += &describe(progress, false);
        }
    }
    text
}
