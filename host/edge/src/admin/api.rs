//! What operators' clients and nodes say to each other.

use bundle::{Bundle, Digest};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::rollout::RolloutProgress;
use crate::rollout::check::Check;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::log::Entry;
use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::Rollout;

/// The header that carries a bundle's signature.
pub const SIGNATURE: &str = "edge-signature";

/// The header by which a client says for whom it works, such as `ada@laptop`.
/// It is a claim, written down beside the name of the token.
pub const ON_BEHALF_OF: &str = "edge-on-behalf-of";

/// POST `/v1/rollouts`: lead a release to regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The release, whose bundle was added before.
    pub digest: Digest,
    /// Patterns of regions, in order, such as `us-*`; all regions when empty.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Of a hundred clients, so many meet it until it is promoted; 0 for all
    /// at once.
    #[serde(default)]
    pub canary_percent: u8,
    /// The shares of a canary that goes from one to the next by itself; the
    /// first of them is `canary_percent`, which may be left out then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canary_steps: Vec<u8>,
    /// How long each step but the last one takes, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub every_ms: u64,
    /// After how long at the last step the canary is promoted by itself, in
    /// milliseconds; none to wait for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_after_ms: Option<u64>,
    /// Who is asked before each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// How long a region is watched before the next one is begun, in
    /// milliseconds.
    #[serde(default = "default_pause_ms")]
    pub pause_ms: u64,
    /// How many nodes of each region may be dead or silent without failing it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_unavailable: u32,
    /// Where the client got the bundle, such as a place in a registry. It is
    /// a claim, written down in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// Older nodes refuse fields that they do not know: none is sent in vain.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Half a second: enough for a plainly broken release to show.
#[must_use]
pub fn default_pause_ms() -> u64 {
    500
}

/// POST `/v1/plugins/{plugin}/rollback`: go back to a release.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// A version, or the beginning of a digest; the release that was active
    /// before when absent.
    #[serde(default)]
    pub to: Option<String>,
    /// As of [`Deploy`].
    #[serde(default)]
    pub regions: Vec<String>,
}

/// POST `/v1/regions/{region}/fill`: let a region run what another one runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The region whose active releases are taken.
    pub from: String,
    /// The plugins; all that it runs when empty.
    #[serde(default)]
    pub plugins: Vec<String>,
}

/// The answer to [`Fill`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Filled {
    /// A rollout for each plugin that the region did not run.
    pub rollouts: Vec<Rollout>,
    /// Plugins of which the region ran the same release already.
    pub present: Vec<String>,
    /// Plugins of which the region runs another release, which stays.
    pub different: Vec<String>,
}

/// POST `/v1/plugins/{plugin}/canary`: change the share of a canary.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetShare {
    /// Of a hundred clients, so many meet it from now on.
    pub percent: u8,
}

/// GET `/v1/plugins/{plugin}/rollout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// The rollout that goes on.
    pub rollout: Rollout,
    /// How it goes on by itself.
    pub progress: RolloutProgress,
}

/// POST `/v1/migrations`: run what of a release's migrations has not run yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrate {
    /// The release, whose bundle was added before.
    pub digest: Digest,
}

/// What POST `/v1/migrations` answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Migrating {
    /// The run that goes on; none where nothing was pending.
    pub run: Option<MigrationRun>,
}

/// GET `/v1/migrations/plan`: what of a release's migrations has not run yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationPlan {
    /// The release.
    pub digest: Digest,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Every statement that is pending, in order.
    pub statements: Vec<PlannedStatement>,
}

/// A statement of a pending migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// The name of its file.
    pub file: String,
    /// The whole text, without comments.
    pub text: String,
    /// Whether an earlier attempt has run it.
    pub is_done: bool,
    /// Whether an earlier attempt began it, and nobody knows how it ended.
    pub is_in_doubt: bool,
}

/// POST `/v1/accounts`: make an account of somebody who runs the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Name to show.
    pub name: String,
    /// E-mail address, which is the login.
    pub email: String,
    /// The password, which no message and no debug output shows.
    pub password: Secret<String>,
    /// What the account may do.
    pub role: String,
    /// Change the account that has this e-mail address, instead of making one.
    #[serde(default)]
    pub existing: bool,
}

/// What POST `/v1/accounts` answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountMade {
    /// The account's number.
    pub id: i64,
    /// Name to show.
    pub name: String,
    /// E-mail address, which is the login.
    pub email: String,
    /// What the account may do.
    pub role: String,
}

/// POST `/v1/seed`: let plugins fill their tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The plugin; every one that can when absent.
    #[serde(default)]
    pub plugin: Option<String>,
    /// How many rows the plugin's main table should have in all.
    pub rows: u64,
    /// Whether to do so where real customers seem to be served.
    #[serde(default)]
    pub confirm: bool,
}

/// A line of what POST `/v1/seed` answers. The last one of a plugin has as many
/// rows done as there are in total, or an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedProgress {
    /// The plugin.
    pub plugin: String,
    /// Rows that are there.
    pub done: u64,
    /// Rows that are to be there.
    pub total: u64,
    /// Why it ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// POST `/v1/gc`: collect bundles that nobody needs any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gc {
    /// How many of each plugin's newest releases are kept in any case.
    #[serde(default = "default_keep")]
    pub keep: usize,
    /// Say what would be collected, and collect nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Store the bundles that are kept whole, for hosts that know no blobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

fn default_keep() -> usize {
    10
}

/// DELETE `/v1/nodes/{node}` and `/v1/regions/{region}`: what was forgotten.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forgotten {
    /// Nodes.
    pub nodes: Vec<String>,
    /// How many entries of the release log.
    pub entries: u64,
}

/// GET `/v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The node that answers.
    pub node: String,
    /// Every node that was heard of lately.
    pub nodes: Vec<NodeRecord>,
    /// Rollouts that go on.
    pub rollouts: Vec<Rollout>,
    /// How each of them goes on by itself.
    #[serde(default)]
    pub progress: Vec<RolloutProgress>,
    /// Runs of migrations that go on. Older hosts tell of none.
    #[serde(default)]
    pub migrations: Vec<MigrationRun>,
}

/// GET `/v1/plugins/{plugin}/releases`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Releases {
    /// What was ever added, newest first.
    pub bundles: Vec<BundleRecord>,
    /// What each region was to run, newest first.
    pub log: Vec<Entry>,
    /// How it came to that, newest first.
    pub rollouts: Vec<Rollout>,
    /// Which of the lists go on beyond what is here. Older hosts do not say.
    #[serde(default)]
    pub more: MoreReleases,
}

/// The lists of [`Releases`] that have more records than an answer holds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct MoreReleases {
    /// There are older bundles.
    pub bundles: bool,
    /// There are older entries of the log.
    pub log: bool,
    /// There are older rollouts.
    pub rollouts: bool,
}

/// GET `/v1/plugins/{plugin}/diff`: what a release changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diff {
    /// The one release.
    pub from: Digest,
    /// The other.
    pub to: Digest,
    /// What differs: imports, exports, manifest, migrations.
    pub sections: Vec<DiffSection>,
    /// The migrations that only the other release has, or has with another
    /// text: what it would run.
    #[serde(default)]
    pub migrations: Vec<MigrationText>,
}

/// A migration as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationText {
    /// The file below `migrations/`, such as `mysql/0001_orders.sql`.
    pub file: String,
    /// The whole text.
    pub sql: String,
}

impl MigrationText {
    /// Returns the texts of all migrations of a bundle.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Vec<Self> {
        let by_dialect = bundle.migrations.by_dialect().into_iter();
        let texts = by_dialect.flat_map(|(dialect, migrations)| {
            migrations.iter().map(move |migration| Self {
                file: format!("{dialect}/{}", migration.name),
                sql: migration.sql.clone(),
            })
        });
        texts.collect()
    }
}

/// A part of a release in which two differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSection {
    /// Its name.
    pub name: String,
    /// What only the one has.
    pub removed: Vec<String>,
    /// What only the other has.
    pub added: Vec<String>,
}

/// Why something was refused: RFC 9457.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What it stands for.
    pub title: String,
    /// What was wrong this time.
    pub detail: String,
}
