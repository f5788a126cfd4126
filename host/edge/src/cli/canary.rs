//! `edge canary`: changes the share of the clients that get a canary.

use super::client::{Client, of_plugin};
use super::output;
use crate::admin::api::SetShare;
use crate::config::Settings;
use crate::rollout::control::rollouts::Rollout;

/// Arguments of `edge canary`.
#[derive(clap::Args)]
pub(super) struct Share {
    /// The plugin.
    plugin: String,
    /// Percentage of the clients that get the canary from now on, such as
    /// `20%`.
    #[arg(long, value_parser = percent)]
    percent: u8,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Parses a share of the clients, such as `10%`.
pub(super) fn percent(text: &str) -> Result<u8, String> {
    match text.trim().trim_end_matches('%').parse() {
        Ok(percent @ 1..=99) => Ok(percent),
        _ => Err("is not a percentage from 1% to 99%".to_owned()),
    }
}

pub(super) async fn set_share(settings: &Settings, arguments: Share) -> anyhow::Result<()> {
    let Share {
        plugin,
        percent,
        json,
    } = arguments;
    let path = of_plugin(&plugin, "canary");
    let client = Client::new(settings)?;
    let rollout: Rollout = client.post(&path, &SetShare { percent }).await?;
    output::print_value(&rollout, json, |rollout| {
        let (id, percent) = (&rollout.id, rollout.canary_percent);
        format!("{plugin}  rollout {id}  {percent} % of the clients meet the canary\n")
    })
}
