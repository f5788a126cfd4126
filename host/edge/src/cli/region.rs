//! `edge region`: fills and forgets regions.

use std::time::Instant;

use anyhow::bail;

use super::client::{Client, segment};
use super::deploy::{POLL_INTERVAL, Waiting, refuse_late, rolled_back};
use super::output::rollout::tell_rollout;
use super::{housekeeping, output};
use crate::admin::api::{Fill as Order, Filled};
use crate::config::Settings;
use crate::printable;
use crate::rollout::control::rollouts::{Phase, Rollout};

/// Subcommands of `edge region`.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a new region run what another one runs; its nodes accept no
    /// customers before. What the region runs already stays as it is.
    Fill(Fill),
    /// Forget a region without live nodes, and its release log. A region with a
    /// live node is not forgotten.
    Forget {
        /// The region.
        region: String,
    },
}

/// Arguments of `edge region fill`.
#[derive(clap::Args)]
pub(super) struct Fill {
    /// The new region.
    region: String,
    /// The region whose active releases it is to run.
    #[arg(long)]
    from: String,
    /// Plugins, with commas between; all when absent.
    #[arg(long, value_delimiter = ',')]
    plugin: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Fill(arguments) => fill(settings, arguments).await,
        Command::Forget { region } => housekeeping::forget_region(settings, &region).await,
    }
}

async fn fill(settings: &Settings, arguments: Fill) -> anyhow::Result<()> {
    let began = Instant::now();
    let client = Client::new(settings)?;
    let path = format!("/v1/regions/{}/fill", segment(&arguments.region));
    let order = Order {
        from: arguments.from,
        plugins: arguments.plugin,
    };
    let mut filled: Filled = client.post(&path, &order).await?;
    if arguments.waiting.wait {
        wait(&client, &mut filled.rollouts, &arguments.waiting, began).await?;
    }
    if arguments.waiting.json {
        output::tell_json(&filled)?;
    } else {
        print(&filled, arguments.waiting.wait.then_some(began));
    }
    let mut failed = filled.rollouts.iter();
    match failed.find(|rollout| matches!(rollout.phase, Phase::Failed | Phase::Aborted)) {
        Some(failed) => bail!(rolled_back(failed)),
        None => Ok(()),
    }
}

async fn wait(
    client: &Client,
    rollouts: &mut [Rollout],
    waiting: &Waiting,
    began: Instant,
) -> anyhow::Result<()> {
    for rollout in rollouts {
        let path = format!("/v1/rollouts/{}", rollout.id);
        while !rollout.phase.is_final() {
            refuse_late(rollout, waiting, began)?;
            tokio::time::sleep(POLL_INTERVAL).await;
            // The node may be unreachable for a while; the rollout continues
            // without it.
            if let Ok(now) = client.get(&path).await {
                *rollout = now;
            }
        }
    }
    Ok(())
}

fn print(filled: &Filled, began: Option<Instant>) {
    let took = began.map(|began| began.elapsed());
    for rollout in &filled.rollouts {
        tell_rollout(rollout, took);
    }
    for plugin in &filled.present {
        output::tell(format_args!(
            "{}  runs there already\n",
            printable::line(plugin)
        ));
    }
    for plugin in &filled.different {
        let plugin = printable::line(plugin);
        output::tell(format_args!(
            "{plugin}  runs there with another release, which stays\n"
        ));
    }
}
