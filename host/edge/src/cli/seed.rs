//! `edge seed`: fills plugins' tables with generated rows.

use anyhow::bail;
use bytes::BytesMut;
use edge::admin::api::{Seed, SeedProgress};
use edge::config::Settings;
use edge::node;
use edge::printable;
use http_body_util::BodyExt;

use super::client::Client;
use super::output;

/// Arguments of `edge seed`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin; every one that can fill its tables when absent.
    plugin: Option<String>,
    /// How many products the catalog should have in all.
    #[arg(long)]
    products: u64,
    /// Fill the tables of a shop that seems to serve real customers: it has a
    /// database server, TLS, or `production`.
    #[arg(long)]
    yes: bool,
    /// Ask no node: load the plugins of the settings in this process, with
    /// their databases. Nothing of it is in the audit.
    #[arg(long)]
    offline: bool,
}

impl Arguments {
    /// Returns whether plugins run in this process.
    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }
}

/// Makes plugins that can fill their tables do so.
pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    match arguments.offline {
        true => fill_offline(settings, arguments).await,
        false => fill(settings, arguments).await,
    }
}

/// Makes a node fill the tables, and prints its progress. The node continues if
/// this command ends.
async fn fill(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let order = Seed {
        plugin: arguments.plugin.clone(),
        rows: arguments.products,
        confirm: arguments.yes,
    };
    let mut lines = Client::new(settings)?
        .post_stream("/v1/seed", &order)
        .await?;
    let mut rest = BytesMut::new();
    let mut last = SeedProgress::default();
    while let Some(frame) = lines.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end + 1);
            let progress: SeedProgress = serde_json::from_slice(&line)?;
            if progress.plugin != last.plugin && !last.plugin.is_empty() {
                output::tell(format_args!("\n"));
            }
            show(&progress.plugin, progress.done, progress.total);
            last = progress;
        }
    }
    output::tell(format_args!("\n"));
    match last.error {
        Some(error) => bail!("{}", printable::line(&error)),
        None if last.done < last.total || last.plugin.is_empty() => {
            bail!("the node's answer was cut off; `edge audit` shows how it ended")
        }
        None => Ok(()),
    }
}

async fn fill_offline(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    if settings.looks_like_production() && !arguments.yes {
        bail!(
            "these settings seem to serve real customers (a database server, TLS or `production`), \
             and generated rows would be sold to them: `--yes` makes them all the same"
        );
    }
    let loaded = node::load(settings).await?;
    let mut able = loaded.releases();
    able.retain(|release| {
        let name = &release.manifest.name;
        let is_meant = arguments
            .plugin
            .as_ref()
            .is_none_or(|plugin| plugin == name);
        is_meant && release.plugin.exports().can_seed
    });
    if able.is_empty() {
        bail!("no plugin among {:?} can fill its tables", settings.plugins);
    }
    for release in able {
        let name = &release.manifest.name;
        let tell = |done, total| show(name, done, total);
        release.seed(Some(arguments.products), tell).await?;
        output::tell(format_args!("\n"));
    }
    Ok(())
}

fn show(plugin: &str, done: u64, total: u64) {
    let plugin = printable::line(plugin);
    output::tell(format_args!("\r{plugin}: {done} of {total}"));
}
