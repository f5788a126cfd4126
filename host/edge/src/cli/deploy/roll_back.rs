//! `edge rollback`.

use std::time::Instant;

use super::follow::{Waiting, follow};
use super::offline;
use crate::admin::api::RollBack as Order;
use crate::cli::client::{Client, of_plugin};
use crate::config::Settings;
use crate::rollout::control::rollouts::Phase;

/// Arguments of `edge rollback`.
#[derive(clap::Args)]
pub(in crate::cli) struct RollBack {
    /// The plugin.
    plugin: String,
    /// A version, or the beginning of a digest; the release that was active
    /// before when absent.
    #[arg(long)]
    to: Option<String>,
    /// Regions, as patterns with commas between, such as `us-*,eu-west`; all
    /// when absent.
    #[arg(long, alias = "region", value_delimiter = ',')]
    regions: Vec<String>,
    /// Write straight into the control database of the settings, for when no
    /// node answers operators. Each region goes back to what it ran before; a
    /// rollout in progress is aborted.
    #[arg(long, conflicts_with_all = ["wait", "timeout"])]
    offline: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(in crate::cli) async fn roll_back(
    settings: &Settings,
    arguments: RollBack,
) -> anyhow::Result<()> {
    if arguments.offline {
        let RollBack {
            plugin,
            to,
            regions,
            waiting,
            ..
        } = arguments;
        return offline::roll_back(settings, plugin, to, regions, waiting.json).await;
    }
    let client = Client::new(settings)?;
    let path = of_plugin(&arguments.plugin, "rollback");
    let order = Order {
        to: arguments.to,
        regions: arguments.regions,
    };
    let rollout = client.post(&path, &order).await?;
    let began = Instant::now();
    follow(&client, rollout, &arguments.waiting, began, Phase::Done).await
}
