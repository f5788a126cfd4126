//! `edge promote`, `edge abort` and `edge remove`.

use std::time::Instant;

use super::follow::{Waiting, follow};
use crate::cli::client::{Client, of_plugin};
use crate::config::Settings;
use crate::rollout::control::rollouts::Phase;

/// Arguments of `edge promote`, `edge abort` and `edge remove`.
#[derive(clap::Args)]
pub(in crate::cli) struct Decide {
    /// The plugin.
    plugin: String,
    #[command(flatten)]
    waiting: Waiting,
}

pub(in crate::cli) async fn promote(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    decide(settings, &arguments, "promote", Phase::Done).await
}

pub(in crate::cli) async fn abort(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    decide(settings, &arguments, "abort", Phase::Aborted).await
}

async fn decide(
    settings: &Settings,
    arguments: &Decide,
    action: &str,
    wanted: Phase,
) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let path = of_plugin(&arguments.plugin, action);
    let rollout = client.post(&path, &()).await?;
    follow(&client, rollout, &arguments.waiting, Instant::now(), wanted).await
}

pub(in crate::cli) async fn remove(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let rollout = client.delete(&of_plugin(&arguments.plugin, "")).await?;
    let began = Instant::now();
    follow(&client, rollout, &arguments.waiting, began, Phase::Done).await
}
