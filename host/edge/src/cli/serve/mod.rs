//! `edge serve`: runs a node.

mod ready;
mod signals;

use super::output;
use crate::config::Settings;
use crate::descriptors;
use crate::node::Node;
pub(super) use ready::Arguments;
pub(super) use signals::Signals;

/// Starts a node, prints what it serves, and serves until it is told to stop.
pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let ready = arguments.open()?;
    descriptors::raise_limit();
    let mut signals = Signals::listen()?;
    let node = tokio::select! {
        node = Node::start(settings) => node?,
        () = signals.next() => return Ok(()),
    };
    output::tell(format_args!("{}", banner(&node)));
    ready.write(&node);
    let stop = async {
        signals.next().await;
        tracing::info!("stopping; requests in flight finish first");
    };
    if !node.run(stop).await? {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
    Ok(())
}

/// Returns a text of the plugins that the node serves, and its addresses.
pub(super) fn banner(node: &Node) -> String {
    let address = node.address();
    let mut text = format!("\nedge serves on http://{address}\n");
    if let Some(address) = node.tls_address() {
        text += &format!("           and https://{address}\n");
    }
    text += "\n";
    for release in node.releases() {
        let manifest = &release.manifest;
        let store = release
            .database
            .as_ref()
            .map_or("no database", |database| database.url());
        let title = format!("{} {}", manifest.name, manifest.version);
        text += &format!("  {title:<16} {}  ({store})\n", manifest.routes.join(" "));
    }
    for missing in node.missing() {
        text += &format!("  {:<16} not yet: {}\n", missing.name, missing.reason);
    }
    if let Some(admin) = node.admin_address() {
        text += &format!("\n  operators: http://{admin}, `edge status`\n");
    }
    let releases = node.releases();
    let examples = releases
        .iter()
        .flat_map(|release| &release.manifest.examples);
    text += "\nTry:\n";
    for target in examples.take(3) {
        text += &format!("  curl 'http://{address}{target}'\n");
    }
    text + "\n"
}
