//! `edge serve`

use anyhow::anyhow;
use edge_host::config::Settings;
use edge_host::node::Node;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Start a node, say what it serves, and serve until told to stop.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let node = tokio::select! {
        node = Node::start(settings) => node?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    print!("{}", banner(&node));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; requests in flight finish first");
    };
    if !node.run(stop).await? {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
    Ok(())
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).map_err(|error| anyhow!("cannot listen for signals: {error}"))
}

fn banner(node: &Node) -> String {
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
    let examples = node
        .releases()
        .iter()
        .flat_map(|release| &release.manifest.examples);
    text += "\nTry:\n";
    for target in examples.take(3) {
        text += &format!("  curl 'http://{address}{target}'\n");
    }
    text + "\n"
}
