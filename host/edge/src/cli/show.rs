//! `edge status`, `edge releases` and `edge diff`.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::DateTime;
use edge::admin::api::{Diff, Releases, Status};
use edge::config::Settings;
use edge::printable;
use edge::rollout::control::log::Entry;
use edge::rollout::control::rollouts::Rollout;
use edge::rollout::{PluginReport, ReleaseReport, State, mismatch};
use serde::Serialize;
use stores::clock::{MAX_SKEW, NOTED_SKEW, Skew};

use super::client::Client;
use super::pages::{PageArguments, read_on, tell_of_more};
use super::table::Table;
use super::{canary, migrate, migrations, output, status_summary};

/// Interval at which `--watch` refreshes.
const WATCH: Duration = Duration::from_secs(1);

/// Default number of records of each list that `edge releases` shows.
const USUAL: usize = 500;

/// Escape sequence that moves to the corner of a terminal and clears it.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Arguments of `edge status`.
#[derive(clap::Args)]
pub(super) struct StatusArguments {
    /// Show the status again every second.
    #[arg(long)]
    watch: bool,
    /// Show the connections of each node to its stores instead.
    #[arg(long)]
    connections: bool,
    /// Show a line for each release on each node.
    #[arg(long)]
    wide: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `edge releases`.
#[derive(clap::Args)]
pub(super) struct ReleasesArguments {
    /// The plugin.
    plugin: String,
    #[command(flatten)]
    pages: PageArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `edge diff`.
#[derive(clap::Args)]
pub(super) struct DiffArguments {
    /// The plugin.
    plugin: String,
    /// A version, or the beginning of a digest.
    from: String,
    /// Another version, or the beginning of another digest.
    to: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn status(settings: &Settings, arguments: StatusArguments) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    loop {
        let status: Status = client.get("/v1/status").await?;
        if arguments.watch {
            output::print(format_args!("{CLEAR}"))?;
        }
        let wide = arguments.wide;
        match arguments.connections {
            true => print(&status, arguments.json, connections_table)?,
            false => print(&status, arguments.json, |status| status_text(status, wide))?,
        }
        if !arguments.watch {
            return Ok(());
        }
        tokio::time::sleep(WATCH).await;
    }
}

pub(super) async fn releases(
    settings: &Settings,
    arguments: ReleasesArguments,
) -> anyhow::Result<()> {
    let ReleasesArguments {
        plugin,
        pages,
        json,
    } = &arguments;
    let client = Client::new(settings)?;
    let most = pages.most(USUAL);
    let of_plugin = format!("/v1/plugins/{plugin}");
    let first = pages.query(most, None);
    let mut releases: Releases = client.get(&format!("{of_plugin}/releases?{first}")).await?;
    let Releases {
        bundles,
        log,
        rollouts,
        more,
    } = &mut releases;
    let path = |list: &str| format!("{of_plugin}/{list}");
    more.bundles = read_on(
        &client,
        &path("bundles"),
        pages,
        most,
        bundles,
        more.bundles,
    )
    .await?;
    more.log = read_on(&client, &path("log"), pages, most, log, more.log).await?;
    more.rollouts = read_on(
        &client,
        &path("rollouts"),
        pages,
        most,
        rollouts,
        more.rollouts,
    )
    .await?;
    print(&releases, *json, releases_table)?;
    for (is_cut, what, shown) in [
        (releases.more.bundles, "releases", releases.bundles.len()),
        (releases.more.log, "entries of the log", releases.log.len()),
        // The table shows no rollouts.
        (
            releases.more.rollouts && *json,
            "rollouts",
            releases.rollouts.len(),
        ),
    ] {
        if is_cut {
            tell_of_more(what, shown);
        }
    }
    Ok(())
}

pub(super) async fn diff(settings: &Settings, arguments: DiffArguments) -> anyhow::Result<()> {
    let DiffArguments {
        plugin, from, to, ..
    } = &arguments;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("from", from)
        .append_pair("to", to)
        .finish();
    let path = format!("/v1/plugins/{plugin}/diff?{query}");
    let diff: Diff = Client::new(settings)?.get(&path).await?;
    print(&diff, arguments.json, diff_lines)
}

/// Prints the state of a rollout, in progress or ended.
pub(super) fn rollout(rollout: &Rollout, took: Option<Duration>) {
    let Rollout {
        id,
        plugin,
        phase,
        reason,
        ..
    } = rollout;
    let took = took.map_or(String::new(), |took| format!("  after {took:.1?}"));
    let reason = match reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let line = format!("{plugin}  rollout {id}  {phase}{took}{reason}");
    output::tell(format_args!("{}\n", printable::line(&line)));
}

pub(super) fn print<T: Serialize>(
    value: &T,
    json: bool,
    table: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    if json {
        let json = serde_json::to_string_pretty(value)?;
        output::print(format_args!("{}\n", printable::json(&json)))?;
    } else {
        output::print(format_args!("{}", table(value)))?;
    }
    Ok(())
}

fn status_text(status: &Status, wide: bool) -> String {
    let mut text = match wide {
        true => status_table(status),
        false => status_summary::shown(status),
    };
    let of_nodes = clock_warnings(status).chain(key_warnings(status));
    let of_nodes = of_nodes.chain(node_warnings(status));
    for warning in of_nodes.chain(warnings(status)) {
        text += &format!("\nwarning: {warning}\n");
    }
    for run in &status.migrations {
        text += &format!("\n{}\n", printable::line(&migrate::summary(run)));
    }
    for rollout in &status.rollouts {
        text += &format!("\n{}", open_rollout(rollout));
        let mut progress = status.progress.iter();
        if let Some(progress) = progress.find(|progress| progress.rollout == rollout.id) {
            text += &canary::describe(progress, false);
        }
    }
    text
}

/// Returns warnings about live nodes whose clock differs much from the control
/// database's.
fn clock_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    live.filter_map(|node| {
        let skew = Skew {
            milliseconds: node.report.clock_skew_ms?,
            error: 0,
        };
        let idle = match skew.exceeds(MAX_SKEW) {
            true => "; it does no periodic work",
            false => "",
        };
        skew.exceeds(NOTED_SKEW).then(|| {
            format!(
                "the clock of node {} is {skew} the control database's{idle}",
                node.node
            )
        })
    })
}

fn connections_table(status: &Status) -> String {
    let headings = [
        "REGION", "NODE", "STORE", "SYSTEM", "OPEN", "IDLE", "IN USE", "WAITING", "MAX",
    ];
    let mut table = Table::new(&headings);
    for node in status.nodes.iter().filter(|node| node.is_live()) {
        let name = format!("{} {}", node.node, node.report.address);
        for pool in &node.report.connections {
            let counts = [
                pool.used + pool.idle,
                pool.idle,
                pool.used,
                pool.waiting,
                pool.most,
            ];
            let mut cells = vec![
                node.region.clone(),
                name.clone(),
                pool.store.clone(),
                pool.system.clone(),
            ];
            cells.extend(counts.map(|count| count.to_string()));
            table.row(cells);
        }
    }
    table.to_string()
}

fn status_table(status: &Status) -> String {
    let headings = [
        "REGION", "NODE", "HOST", "PLUGIN", "RELEASE", "SHARE", "STATE", "REQ/S", "ERRORS", "P50",
        "P99",
    ];
    let mut table = Table::new(&headings);
    for node in &status.nodes {
        let name = match node.is_live() {
            true => format!("{} {}", node.node, node.report.address),
            false => format!("{} {} (down)", node.node, node.report.address),
        };
        let host = node.report.version.clone();
        if node.report.plugins.is_empty() {
            table.row([
                node.region.clone(),
                name.clone(),
                host.clone(),
                "-".to_owned(),
            ]);
        }
        for (plugin, report) in &node.report.plugins {
            let active_share = "all".to_owned();
            for (release, share) in [
                (&report.active, active_share),
                (&report.canary, canary_share(status, plugin)),
            ] {
                let Some(release) = release else { continue };
                let mut cells = vec![
                    node.region.clone(),
                    name.clone(),
                    host.clone(),
                    plugin.clone(),
                ];
                cells.extend(release_cells(release, share, report));
                table.row(cells);
            }
            if report.active.is_none() {
                let mut cells = vec![
                    node.region.clone(),
                    name.clone(),
                    host.clone(),
                    plugin.clone(),
                ];
                cells.extend(["-".to_owned(), "-".to_owned(), state(report)]);
                table.row(cells);
            }
        }
    }
    table.to_string()
}

/// Returns the warnings that live nodes report.
fn node_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    live.flat_map(|node| {
        let warnings = node.report.warnings.iter();
        warnings.map(move |text| format!("node {}: {}", node.node, printable::line(text)))
    })
}

/// Returns a line about a rollout in progress.
pub(super) fn open_rollout(rollout: &Rollout) -> String {
    format!(
        "rollout {} of {} by {}: {}, {}\n",
        rollout.id,
        rollout.plugin,
        printable::line(&rollout.author),
        rollout.phase,
        printable::line(&rollout.regions.join(" then "))
    )
}

/// Returns warnings about live nodes that do not know each other's keys.
fn key_warnings(status: &Status) -> impl Iterator<Item = String> {
    let live = || status.nodes.iter().filter(|node| node.is_live());
    live().flat_map(move |node| live().filter_map(move |other| mismatch(node, other)))
}

/// Returns the warnings about releases on any live node, each once.
fn warnings(status: &Status) -> BTreeSet<String> {
    let live = status.nodes.iter().filter(|node| node.is_live());
    let plugins = live.flat_map(|node| &node.report.plugins);
    let lacking = plugins.flat_map(|(plugin, report)| {
        let releases = [&report.active, &report.canary].into_iter().flatten();
        let warnings = releases.flat_map(|release| &release.warnings);
        warnings.map(move |warning| format!("{plugin}: {warning}"))
    });
    lacking.collect()
}

pub(super) fn canary_share(status: &Status, plugin: &str) -> String {
    let rollout = status
        .rollouts
        .iter()
        .find(|rollout| rollout.plugin == plugin);
    rollout.map_or("canary".to_owned(), |rollout| {
        format!("{}%", rollout.canary_percent)
    })
}

fn release_cells(release: &ReleaseReport, share: String, report: &PluginReport) -> Vec<String> {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let errors = release.errors as f64 / release.requests.max(1) as f64 * 100.0;
    vec![
        format!("{} {}", release.version, release.digest.short()),
        share,
        state(report),
        format!("{:.1}", release.per_second),
        format!("{errors:.1}%"),
        latency(release.p50_us),
        latency(release.p99_us),
    ]
}

pub(super) fn latency(micros: u64) -> String {
    match micros {
        0 => "-".to_owned(),
        micros => format!("{:.1?}", Duration::from_micros(micros)),
    }
}

fn state(report: &PluginReport) -> String {
    match report.state {
        State::Serving => "serving".to_owned(),
        State::Preparing => "preparing".to_owned(),
        State::Failed => format!("failed: {}", report.reason),
        State::Other => "unknown to this version".to_owned(),
    }
}

fn releases_table(releases: &Releases) -> String {
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

fn diff_lines(diff: &Diff) -> String {
    let mut text = format!("{} -> {}\n", diff.from.short(), diff.to.short());
    for section in &diff.sections {
        text += &format!("\n{}\n", printable::line(&section.name));
        section
            .removed
            .iter()
            .for_each(|line| text += &format!("  - {}\n", printable::line(line)));
        section
            .added
            .iter()
            .for_each(|line| text += &format!("  + {}\n", printable::line(line)));
    }
    if diff.sections.is_empty() {
        text += "\nno difference in imports, exports, manifest or migrations\n";
    }
    text + &migrations::shown(&diff.migrations)
}

pub(super) fn when(milliseconds: i64) -> String {
    let time = DateTime::from_timestamp_millis(milliseconds);
    time.map_or("-".to_owned(), |time| {
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}
