//! `edge deploy`, `edge promote`, `edge abort`, `edge rollback` and
//! `edge remove`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use edge::admin::api::{
    Deploy as DeployOrder, MigrationText, Releases, RollBack as RollBackOrder, Status,
};
use edge::config::Settings;
use edge::printable;
use edge::rollout::State;
use edge::rollout::control::bundles::BundleRecord;
use edge::rollout::control::rollouts::{Phase, Rollout};

use super::canary::Canary;
use super::client::Client;
use super::exit::Exit;
use super::source::{self, Source};
use super::{migrate, migrations, offline, output, show};

/// Interval of polling while waiting for a rollout.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `edge deploy`. Pending migrations run first; if the command is
/// interrupted meanwhile, they continue, and the rollout does not begin.
#[derive(clap::Args)]
pub(super) struct Deploy {
    /// A bundle, a plugin's folder, or a bundle in a registry, such as
    /// `oci://registry.example/shop/product:1.0.0`.
    source: Source,
    /// Regions in order, as patterns with commas between, such as
    /// `us-*,eu-west`; all when absent.
    #[arg(long, value_delimiter = ',')]
    regions: Vec<String>,
    #[command(flatten)]
    canary: Canary,
    /// How long the nodes of a region have to be healthy with the release
    /// before the next region is begun.
    #[arg(long, default_value = "500ms", value_parser = humantime::parse_duration)]
    pause: Duration,
    /// Let this many nodes of each region be dead or silent; with one more, the
    /// region fails and is rolled back.
    #[arg(long, default_value_t = 0, value_name = "NODES")]
    max_unavailable: u32,
    /// Sign the bundle with the secret key in this file.
    #[arg(long)]
    key: Option<PathBuf>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Arguments of commands that begin or change a rollout.
#[derive(clap::Args)]
pub(super) struct Waiting {
    /// Wait until the rollout is over, or its canary waits for a decision.
    #[arg(long)]
    pub(super) wait: bool,
    /// True if a canary needs no decision, and is waited for too.
    #[arg(skip)]
    pub(super) until_over: bool,
    /// How long to wait.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(super) timeout: Duration,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `edge promote`, `edge abort` and `edge remove`.
#[derive(clap::Args)]
pub(super) struct Decide {
    /// The plugin.
    plugin: String,
    #[command(flatten)]
    waiting: Waiting,
}

/// Arguments of `edge rollback`.
#[derive(clap::Args)]
pub(super) struct RollBack {
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

pub(super) async fn deploy(settings: &Settings, arguments: Deploy) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let found = source::find(settings, &arguments.source, arguments.key.as_deref()).await?;
    if let Some(origin) = found.origin.as_ref().filter(|_| !arguments.waiting.json) {
        output::tell(format_args!("{}\n", printable::line(&origin.to_string())));
    }
    let record: BundleRecord = client.put_bundle(&found.bundle, &found.signature).await?;
    if !arguments.waiting.json {
        output::tell(format_args!(
            "{}@{}  {}\n",
            record.plugin, record.version, record.digest
        ));
        if is_first(&client, &record).await? {
            output::tell(format_args!(
                "{}",
                migrations::shown(&MigrationText::of(&found.bundle))
            ));
        }
    }
    migrate::before_rollout(&client, record.digest, arguments.waiting.json).await?;
    let began = Instant::now();
    let is_promoted = arguments.canary.is_promoted();
    let mut order = DeployOrder {
        digest: record.digest,
        regions: arguments.regions,
        canary_percent: 0,
        canary_steps: Vec::new(),
        every_ms: 0,
        promote_after_ms: None,
        check: None,
        pause_ms: u64::try_from(arguments.pause.as_millis()).unwrap_or(u64::MAX),
        max_unavailable: arguments.max_unavailable,
        origin: found.origin.map(|origin| origin.to_string()),
    };
    arguments.canary.write(&mut order);
    let rollout = client.post("/v1/rollouts", &order).await?;
    let waiting = Waiting {
        until_over: is_promoted,
        ..arguments.waiting
    };
    follow(&client, rollout, &waiting, began, Phase::Done).await
}

/// Returns whether no other release of the plugin was ever added. There is none
/// to compare it with then, so all its migrations are shown.
async fn is_first(client: &Client, record: &BundleRecord) -> anyhow::Result<bool> {
    let path = format!("/v1/plugins/{}/releases", record.plugin);
    let releases: Releases = client.get(&path).await?;
    let mut bundles = releases.bundles.iter();
    Ok(bundles.all(|bundle| bundle.digest == record.digest))
}

pub(super) async fn promote(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    decide(settings, &arguments, "promote", Phase::Done).await
}

pub(super) async fn abort(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    decide(settings, &arguments, "abort", Phase::Aborted).await
}

async fn decide(
    settings: &Settings,
    arguments: &Decide,
    action: &str,
    wanted: Phase,
) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let path = format!("/v1/plugins/{}/{action}", arguments.plugin);
    let rollout = client.post(&path, &()).await?;
    follow(&client, rollout, &arguments.waiting, Instant::now(), wanted).await
}

pub(super) async fn roll_back(settings: &Settings, arguments: RollBack) -> anyhow::Result<()> {
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
    let path = format!("/v1/plugins/{}/rollback", arguments.plugin);
    let order = RollBackOrder {
        to: arguments.to,
        regions: arguments.regions,
    };
    let rollout = client.post(&path, &order).await?;
    follow(
        &client,
        rollout,
        &arguments.waiting,
        Instant::now(),
        Phase::Done,
    )
    .await
}

pub(super) async fn remove(settings: &Settings, arguments: Decide) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let rollout = client
        .delete(&format!("/v1/plugins/{}", arguments.plugin))
        .await?;
    follow(
        &client,
        rollout,
        &arguments.waiting,
        Instant::now(),
        Phase::Done,
    )
    .await
}

/// Prints the progress of the rollout, until it ends if that is asked for.
/// Fails if the rollout failed, or was aborted although `wanted` is another
/// end.
async fn follow(
    client: &Client,
    mut rollout: Rollout,
    waiting: &Waiting,
    began: Instant,
    wanted: Phase,
) -> anyhow::Result<()> {
    let path = format!("/v1/rollouts/{}", rollout.id);
    let mut said = String::new();
    while waiting.wait && goes_on(&rollout, waiting.until_over) {
        if began.elapsed() > waiting.timeout {
            bail!(Exit::TimedOut(format!(
                "the rollout {} is still {}",
                rollout.id, rollout.phase
            )));
        }
        tokio::time::sleep(LOOK).await;
        // The node may be unreachable for a while; the rollout continues
        // without it.
        let looked =
            async { anyhow::Ok((client.get(&path).await?, client.get("/v1/status").await?)) };
        let line = match looked.await {
            Ok((now, status)) => {
                rollout = now;
                progress(&rollout, &status)
            }
            Err(error) => printable::line(&format!("{error:#}")).into_owned(),
        };
        if !waiting.json && line != said {
            output::tell(format_args!("{line}\n"));
            said = line;
        }
    }
    if waiting.json {
        let json = serde_json::to_string_pretty(&rollout)?;
        output::tell(format_args!("{}\n", printable::json(&json)));
    } else {
        show::rollout(&rollout, waiting.wait.then(|| began.elapsed()));
    }
    match rollout.phase {
        Phase::Failed => bail!(rolled_back(&rollout)),
        Phase::Aborted if wanted != Phase::Aborted => bail!(rolled_back(&rollout)),
        _ => Ok(()),
    }
}

/// Returns the exit of a rollout that failed. Its reason may contain text from
/// a plugin.
pub(super) fn rolled_back(rollout: &Rollout) -> Exit {
    Exit::RolledBack(printable::line(&rollout.reason).into_owned())
}

/// Returns whether there is something to wait for: a canary waits for the
/// operator unless it is promoted by itself.
fn goes_on(rollout: &Rollout, until_over: bool) -> bool {
    !rollout.phase.is_final() && (until_over || rollout.phase != Phase::Canary)
}

/// Returns the phase and, by region, the nodes that serve the release of those
/// that are live: `us-east 2/2  eu-west 0/1  ap-south no nodes`.
fn progress(rollout: &Rollout, status: &Status) -> String {
    let mut line = format!("{:<9}", rollout.phase);
    for region in &rollout.regions {
        let nodes = status
            .nodes
            .iter()
            .filter(|node| node.is_live() && node.region == *region);
        let (mut all, mut serve) = (0, 0);
        for node in nodes {
            all += 1;
            let report = node.report.plugins.get(&rollout.plugin);
            let runs = report.is_some_and(|report| {
                let releases = [&report.active, &report.canary];
                let digests = releases.into_iter().flatten().map(|release| release.digest);
                report.state == State::Serving
                    && digests.into_iter().any(|d| Some(d) == rollout.digest)
            });
            serve += usize::from(runs || (report.is_none() && rollout.digest.is_none()));
        }
        // Writing to a string cannot fail.
        let _ = match all {
            0 => write!(line, "  {region} no nodes"),
            all => write!(line, "  {region} {serve}/{all}"),
        };
    }
    line
}
