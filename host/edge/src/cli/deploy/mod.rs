//! `edge deploy`, and the commands that decide how its rollout goes on.

mod canary_options;
mod decide;
mod follow;
mod offline;
mod roll_back;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bundle::Bundle;

use super::client::{Client, of_plugin};
use super::output::migrations;
use super::source::{self, Found, Source};
use super::{migrate, output};
use crate::admin::api::{Deploy as Order, MigrationText, Releases};
use crate::config::Settings;
use crate::printable;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::rollouts::Phase;
use canary_options::CanaryOptions;
pub(super) use decide::{Decide, abort, promote, remove};
use follow::follow;
pub(super) use follow::{POLL_INTERVAL, Waiting, refuse_late, rolled_back};
pub(super) use roll_back::{RollBack, roll_back};

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
    canary: CanaryOptions,
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

impl Deploy {
    /// Returns the request to deploy the release `record`.
    fn order(self, record: &BundleRecord, found: Found) -> Order {
        let mut order = Order {
            digest: record.digest,
            regions: self.regions,
            canary_percent: 0,
            canary_steps: Vec::new(),
            every_ms: 0,
            promote_after_ms: None,
            check: None,
            pause_ms: u64::try_from(self.pause.as_millis()).unwrap_or(u64::MAX),
            max_unavailable: self.max_unavailable,
            origin: found.origin.map(|origin| origin.to_string()),
        };
        self.canary.write(&mut order);
        order
    }
}

/// Adds the bundle, runs its migrations, and begins its rollout.
pub(super) async fn deploy(settings: &Settings, mut arguments: Deploy) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let found = source::find(settings, &arguments.source, arguments.key.as_deref()).await?;
    let json = arguments.waiting.json;
    if let Some(origin) = found.origin.as_ref().filter(|_| !json) {
        output::tell(format_args!("{}\n", printable::line(&origin.to_string())));
    }
    let record: BundleRecord = client.put_bundle(&found.bundle, &found.signature).await?;
    if !json {
        introduce(&client, &record, &found.bundle).await?;
    }
    migrate::before_rollout(&client, record.digest, json).await?;
    let began = Instant::now();
    arguments.waiting.until_over = arguments.canary.is_promoted();
    let waiting = arguments.waiting.clone();
    let order = arguments.order(&record, found);
    let rollout = client.post("/v1/rollouts", &order).await?;
    follow(&client, rollout, &waiting, began, Phase::Done).await
}

/// Prints the name of the release, and all migrations of a plugin's first one.
async fn introduce(client: &Client, record: &BundleRecord, bundle: &Bundle) -> anyhow::Result<()> {
    let BundleRecord {
        plugin,
        version,
        digest,
        ..
    } = record;
    output::tell(format_args!("{plugin}@{version}  {digest}\n"));
    if is_first(client, record).await? {
        let text = migrations::shown(&MigrationText::of(bundle));
        output::tell(format_args!("{text}"));
    }
    Ok(())
}

/// Returns whether no other release of the plugin was ever added. There is none
/// to compare it with then, so all its migrations are shown.
async fn is_first(client: &Client, record: &BundleRecord) -> anyhow::Result<bool> {
    let path = of_plugin(&record.plugin, "releases");
    let releases: Releases = client.get(&path).await?;
    let mut bundles = releases.bundles.iter();
    Ok(bundles.all(|bundle| bundle.digest == record.digest))
}
