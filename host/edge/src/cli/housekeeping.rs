//! `edge gc`, `edge node forget` and `edge region forget`.

use anyhow::bail;

use super::client::{Client, segment};
use super::output;
use super::output::format::when;
use super::output::table::Table;
use crate::admin::api::{Forgotten, Gc};
use crate::config::Settings;
use crate::rollout::control::bundles::Collection;

/// Arguments of `edge gc`.
#[derive(clap::Args)]
pub(super) struct GcArguments {
    /// How many of each plugin's newest releases are kept in any case.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    /// Print what would be collected, and collect nothing.
    #[arg(long)]
    dry_run: bool,
    /// Store the kept bundles whole, so that older hosts can read them; use
    /// this before you go back to an older version.
    #[arg(long, conflicts_with = "dry_run")]
    whole: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Subcommands of `edge node`.
#[derive(clap::Subcommand)]
pub(super) enum NodeCommand {
    /// Forget a node that has ended and is listed as down. A live node is not
    /// forgotten.
    Forget {
        /// The node's name, as `edge status` shows it.
        node: String,
    },
}

pub(super) async fn gc(settings: &Settings, arguments: &GcArguments) -> anyhow::Result<()> {
    let order = Gc {
        keep: usize::try_from(arguments.keep)?,
        dry_run: arguments.dry_run,
        whole: arguments.whole,
    };
    let found: Collection = Client::new(settings)?.post("/v1/gc", &order).await?;
    if arguments.whole && found.stored_whole.is_none() {
        bail!("the node's version knows no --whole; ask a node of this version");
    }
    output::print_value(&found, arguments.json, |found| {
        let mut table = Table::new(&["PLUGIN", "VERSION", "DIGEST", "ADDED"]);
        for record in &found.collected {
            table.row([
                record.plugin.clone(),
                record.version.clone(),
                record.digest.short(),
                when(record.added_at),
            ]);
        }
        let done = match arguments.dry_run {
            true => "would be collected",
            false => "collected",
        };
        let (collected, kept) = (found.collected.len(), found.kept);
        let stored = found
            .stored_whole
            .map(|count| format!(", {count} of them stored whole now"));
        let stored = stored.unwrap_or_default();
        match collected {
            0 => format!("nothing to collect, {kept} kept{stored}\n"),
            _ => format!("{table}\n{collected} {done}, {kept} kept{stored}\n"),
        }
    })
}

pub(super) async fn node(settings: &Settings, command: NodeCommand) -> anyhow::Result<()> {
    let NodeCommand::Forget { node } = command;
    forget(settings, &format!("/v1/nodes/{}", segment(&node))).await
}

/// Forgets a region.
pub(super) async fn forget_region(settings: &Settings, region: &str) -> anyhow::Result<()> {
    forget(settings, &format!("/v1/regions/{}", segment(region))).await
}

async fn forget(settings: &Settings, path: &str) -> anyhow::Result<()> {
    let forgotten: Forgotten = Client::new(settings)?.delete(path).await?;
    output::print_value(&forgotten, false, |forgotten| {
        format!(
            "forgotten: {} nodes, {} entries of the release log\n",
            forgotten.nodes.len(),
            forgotten.entries
        )
    })
}
