//! `edge seed`: fills plugins' tables with generated rows.

use anyhow::bail;
use bytes::BytesMut;
use http_body_util::BodyExt;

use super::client::Client;
use super::output;
use crate::admin::api::{Seed, SeedProgress};
use crate::config::Settings;
use crate::node;
use crate::printable;

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
    let mut seeding = Seeding::default();
    while let Some(frame) = lines.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end + 1);
            let progress: SeedProgress = serde_json::from_slice(&line)?;
            if seeding.is_next_plugin(&progress) {
                output::tell(format_args!("\n"));
            }
            show(&progress.plugin, progress.done, progress.total);
            seeding.add(progress);
        }
    }
    output::tell(format_args!("\n"));
    seeding.outcome()
}

/// Progress of all plugins that fill their tables.
#[derive(Default)]
struct Seeding {
    last: SeedProgress,
    failures: Vec<String>,
}

impl Seeding {
    /// Returns whether `progress` is of another plugin than the line before.
    fn is_next_plugin(&self, progress: &SeedProgress) -> bool {
        !self.last.plugin.is_empty() && self.last.plugin != progress.plugin
    }

    fn add(&mut self, progress: SeedProgress) {
        self.failures.extend(progress.error.clone());
        self.last = progress;
    }

    /// Fails with the errors of all plugins.
    fn outcome(self) -> anyhow::Result<()> {
        let Self { last, mut failures } = self;
        let is_cut_off = last.done < last.total || last.plugin.is_empty();
        if is_cut_off && last.error.is_none() {
            let text = "the node's answer was cut off; `edge audit` shows how it ended";
            failures.push(text.to_owned());
        }
        match failures.is_empty() {
            true => Ok(()),
            false => bail!("{}", printable::line(&failures.join("; "))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &[(&str, u64, Option<&str>)]) -> Result<(), String> {
        let mut seeding = Seeding::default();
        for (plugin, done, error) in lines {
            seeding.add(SeedProgress {
                plugin: (*plugin).to_owned(),
                done: *done,
                total: 9,
                error: error.map(str::to_owned),
            });
        }
        seeding.outcome().map_err(|error| error.to_string())
    }

    #[test]
    fn each_plugin_that_failed_is_reported() {
        assert_eq!(outcome(&[("a", 9, None), ("b", 9, None)]), Ok(()));
        let first = outcome(&[("a", 3, Some("a: full")), ("b", 9, None)]);
        assert_eq!(first, Err("a: full".to_owned()));
        let both = outcome(&[("a", 3, Some("a: full")), ("b", 0, Some("b: gone"))]);
        assert_eq!(both, Err("a: full; b: gone".to_owned()));
    }

    #[test]
    fn an_answer_that_ends_early_is_no_success() {
        for lines in [
            &[][..],
            &[("a", 3, None)],
            &[("a", 9, None), ("b", 3, None)],
        ] {
            assert!(outcome(lines).is_err_and(|error| error.contains("cut off")));
        }
        let both = outcome(&[("a", 3, Some("a: full")), ("b", 3, None)]);
        assert!(both.is_err_and(|error| error.starts_with("a: full; ")));
    }
}
