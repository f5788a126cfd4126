//! `edge logs`: prints a node's log lines.

use http_body_util::BodyExt;

use super::client::Client;
use super::output;
use crate::config::Settings;

/// Arguments of `edge logs`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin; lines of all plugins and of the node itself when absent.
    plugin: Option<String>,
    /// Continue with new lines as they are logged, requests included.
    #[arg(long, short)]
    follow: bool,
}

/// Prints a node's log lines, one JSON object each.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("follow", &arguments.follow.to_string());
    if let Some(plugin) = &arguments.plugin {
        query.append_pair("plugin", plugin);
    }
    let path = format!("/v1/logs?{}", query.finish());
    let mut lines = Client::new(settings)?.stream(&path).await?;
    while let Some(frame) = lines.frame().await {
        if let Ok(data) = frame?.into_data() {
            output::bytes(&data)?;
        }
    }
    Ok(())
}
