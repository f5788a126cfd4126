//! `edge releases`: the releases of a plugin, and which served where.

use super::client::pages::{PageArguments, read_on, tell_of_more};
use super::client::{Client, of_plugin};
use super::output;
use super::output::format::when;
use super::output::table::Table;
use crate::admin::api::Releases;
use crate::config::Settings;
use crate::rollout::control::log::Entry;

/// Default number of records of each list that `edge releases` shows.
const DEFAULT_LIMIT: usize = 500;

/// Arguments of `edge releases`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The plugin.
    plugin: String,
    #[command(flatten)]
    pages: PageArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the releases, the entries of the log and, as JSON, the rollouts.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { json, pages, .. } = &arguments;
    let client = Client::new(settings)?;
    let releases = read(&client, &arguments.plugin, pages).await?;
    output::print_value(&releases, *json, table)?;
    let more = releases.more;
    if more.bundles {
        tell_of_more("releases", releases.bundles.len());
    }
    if more.log {
        tell_of_more("entries of the log", releases.log.len());
    }
    // The table shows no rollouts.
    if more.rollouts && *json {
        tell_of_more("rollouts", releases.rollouts.len());
    }
    Ok(())
}

/// Reads as many records of each list as are wanted.
async fn read(client: &Client, plugin: &str, pages: &PageArguments) -> anyhow::Result<Releases> {
    let most = pages.most(DEFAULT_LIMIT);
    let path = |list: &str| of_plugin(plugin, list);
    let first = pages.query(most, None);
    let mut releases: Releases = client.get(&path(&format!("releases?{first}"))).await?;
    let Releases {
        bundles,
        log,
        rollouts,
        more,
    } = &mut releases;
    let list = path("bundles");
    more.bundles = read_on(client, &list, pages, most, bundles, more.bundles).await?;
    more.log = read_on(client, &path("log"), pages, most, log, more.log).await?;
    let list = path("rollouts");
    more.rollouts = read_on(client, &list, pages, most, rollouts, more.rollouts).await?;
    Ok(releases)
}

fn table(releases: &Releases) -> String {
    let mut bundles = Table::new(&["VERSION", "DIGEST", "ADDED", "BY", "SIGNED BY"]);
    for bundle in &releases.bundles {
        let signer = bundle
            .signature
            .rsplit_once(':')
            .map_or("-", |(key, _)| key);
        let digest = match bundle.collected {
            true => format!("{} (collected)", bundle.digest.short()),
            false => bundle.digest.short(),
        };
        bundles.row([
            bundle.version.clone(),
            digest,
            when(bundle.added_at),
            bundle.author.clone(),
            signer.to_owned(),
        ]);
    }
    let mut log = Table::new(&["WHEN", "REGION", "ACTIVE", "CANARY", "BY", "WHY"]);
    for entry in &releases.log {
        log.row([
            when(entry.written_at),
            entry.region.clone(),
            entry
                .desired
                .active
                .map_or("-".to_owned(), |digest| digest.short()),
            canary_cell(entry),
            entry.author.clone(),
            entry.reason.clone(),
        ]);
    }
    format!("{bundles}\n{log}")
}

fn canary_cell(entry: &Entry) -> String {
    match &entry.desired.canary {
        Some(canary) => format!("{} {}%", canary.digest.short(), canary.percent),
        None => "-".to_owned(),
    }
}
