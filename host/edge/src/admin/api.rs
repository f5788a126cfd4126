//! Messages between nodes and the operators' clients.

use std::collections::BTreeMap;

use bundle::{Bundle, Digest};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::reply_cache::Explanation;
use crate::rollout::RolloutProgress;
use crate::rollout::check::Check;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::log::Entry;
use crate::rollout::control::migrations::MigrationRun;
use crate::rollout::control::nodes::NodeRecord;
use crate::rollout::control::rollouts::Rollout;

/// Header field that carries a bundle's signature.
pub const SIGNATURE: &str = "edge-signature";

/// Header field by which a client names the person it works for, such as
/// `ada@laptop`. It is an unverified claim, recorded in the audit beside the
/// name of the token.
pub const ON_BEHALF_OF: &str = "edge-on-behalf-of";

/// Body of POST `/v1/rollouts`, which rolls a release out to regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// Digest of the release, whose bundle was added before.
    pub digest: Digest,
    /// Patterns of regions, in order, such as `us-*`; all regions when empty.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Percentage of the clients that get the canary until it is promoted; 0
    /// for no canary.
    #[serde(default)]
    pub canary_percent: u8,
    /// Percentages of a canary that advances from one step to the next by
    /// itself. The first one is `canary_percent`, which may be omitted then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canary_steps: Vec<u8>,
    /// Duration of each step but the last one, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub every_ms: u64,
    /// Time at the last step after which the canary is promoted by itself, in
    /// milliseconds; when absent, it waits for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_after_ms: Option<u64>,
    /// External check that is called before each step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// Time for which a region is observed before the next one is begun, in
    /// milliseconds.
    #[serde(default = "default_pause_ms")]
    pub pause_ms: u64,
    /// Number of nodes of each region that may be dead or silent without
    /// failing it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_unavailable: u32,
    /// Origin of the bundle according to the client, such as a location in a
    /// registry. It is an unverified claim, recorded in the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// Returns whether a field has its default, and is not sent: older nodes refuse
/// fields that they do not know.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Returns the default of `pause_ms`: half a second, in which a plainly broken
/// release shows.
#[must_use]
pub fn default_pause_ms() -> u64 {
    500
}

/// Body of POST `/v1/plugins/{plugin}/rollback`, which rolls back to a release.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// Version, or beginning of a digest; when absent, the release that was
    /// active before.
    #[serde(default)]
    pub to: Option<String>,
    /// Patterns of regions, as in [`Deploy`].
    #[serde(default)]
    pub regions: Vec<String>,
}

/// Body of POST `/v1/regions/{region}/fill`, which makes a region run what
/// another one runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// Region whose active releases are copied.
    pub from: String,
    /// Plugins to copy; all that `from` runs when empty.
    #[serde(default)]
    pub plugins: Vec<String>,
}

/// Reply to [`Fill`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Filled {
    /// Rollouts, one for each plugin that the region did not run.
    pub rollouts: Vec<Rollout>,
    /// Plugins of which the region already ran the same release.
    pub present: Vec<String>,
    /// Plugins of which the region runs another release, which is kept.
    pub different: Vec<String>,
}

/// Body of POST `/v1/plugins/{plugin}/canary`, which changes the share of a
/// canary.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetShare {
    /// Percentage of the clients that get the canary from now on.
    pub percent: u8,
}

/// Reply to GET `/v1/plugins/{plugin}/rollout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// Rollout that is in progress.
    pub rollout: Rollout,
    /// Progress of the rollout, as far as it advances by itself.
    pub progress: RolloutProgress,
}

/// Body of POST `/v1/migrations`, which runs the pending migrations of a
/// release.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrate {
    /// Digest of the release, whose bundle was added before.
    pub digest: Digest,
}

/// Reply to POST `/v1/migrations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Migrating {
    /// Migration run that is in progress; none where nothing was pending.
    pub run: Option<MigrationRun>,
}

/// Reply to GET `/v1/migrations/plan`: the pending migrations of a release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationPlan {
    /// Digest of the release.
    pub digest: Digest,
    /// Name of the plugin.
    pub plugin: String,
    /// Version of the release.
    pub version: String,
    /// Pending statements, in order.
    pub statements: Vec<PlannedStatement>,
}

/// A statement of a pending migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStatement {
    /// Name of the migration's file.
    pub file: String,
    /// Whole text, without comments.
    pub text: String,
    /// True if an earlier attempt has run the statement.
    pub is_done: bool,
    /// True if an earlier attempt began the statement and its outcome is
    /// unknown.
    pub is_in_doubt: bool,
}

/// Body of POST `/v1/accounts`, which makes or changes an account of somebody
/// who runs the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Display name.
    pub name: String,
    /// E-mail address, which is the login.
    pub email: String,
    /// Password, which no message and no debug output shows.
    pub password: Secret<String>,
    /// Role, which decides what the account may do.
    pub role: String,
    /// True to change the account that has this e-mail address, instead of
    /// making one.
    #[serde(default)]
    pub existing: bool,
}

/// Reply to POST `/v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountMade {
    /// Number of the account.
    pub id: i64,
    /// Display name.
    pub name: String,
    /// E-mail address, which is the login.
    pub email: String,
    /// Role, which decides what the account may do.
    pub role: String,
}

/// Body of POST `/v1/seed`, which makes plugins fill their tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Name of the plugin; every plugin that can fill its tables when absent.
    #[serde(default)]
    pub plugin: Option<String>,
    /// Number of rows that the plugin's main table should have in total.
    pub rows: u64,
    /// True to fill tables even where real customers seem to be served.
    #[serde(default)]
    pub confirm: bool,
}

/// One line of the reply to POST `/v1/seed`. The last line of a plugin has
/// `done` equal to `total`, or an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedProgress {
    /// Name of the plugin.
    pub plugin: String,
    /// Rows that exist.
    pub done: u64,
    /// Rows that are to exist.
    pub total: u64,
    /// Error that ended the work early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Body of POST `/v1/gc`, which collects bundles that are no longer needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gc {
    /// Number of each plugin's newest releases that are always kept.
    #[serde(default = "default_keep")]
    pub keep: usize,
    /// True to only report what would be collected.
    #[serde(default)]
    pub dry_run: bool,
    /// True to store the kept bundles whole, for older hosts that cannot read
    /// blobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

fn default_keep() -> usize {
    10
}

/// Reply to DELETE `/v1/nodes/{node}` and `/v1/regions/{region}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forgotten {
    /// Names of the nodes that were forgotten.
    pub nodes: Vec<String>,
    /// Number of entries of the release log that were deleted.
    pub entries: u64,
}

/// Reply to GET `/v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Name of the node that answers.
    pub node: String,
    /// Every node that has reported recently.
    pub nodes: Vec<NodeRecord>,
    /// Rollouts that are in progress.
    pub rollouts: Vec<Rollout>,
    /// Progress of each of those rollouts, as far as it advances by itself.
    #[serde(default)]
    pub progress: Vec<RolloutProgress>,
    /// Runs of migrations that are in progress. Older hosts report none.
    #[serde(default)]
    pub migrations: Vec<MigrationRun>,
}

/// Reply to GET `/v1/plugins/{plugin}/releases`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Releases {
    /// Bundles that were ever added, newest first.
    pub bundles: Vec<BundleRecord>,
    /// Entries of the release log of all regions, newest first.
    pub log: Vec<Entry>,
    /// Rollouts of the plugin, newest first.
    pub rollouts: Vec<Rollout>,
    /// Lists that continue beyond this reply. Older hosts do not say.
    #[serde(default)]
    pub more: MoreReleases,
}

/// Lists of [`Releases`] that have more records than one reply holds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct MoreReleases {
    /// True if there are older bundles.
    pub bundles: bool,
    /// True if there are older entries of the log.
    pub log: bool,
    /// True if there are older rollouts.
    pub rollouts: bool,
}

/// Reply to GET `/v1/plugins/{plugin}/diff`: the differences between two
/// releases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Diff {
    /// Release that is compared.
    pub from: Digest,
    /// Release that it is compared with.
    pub to: Digest,
    /// Differences, by imports, exports, manifest and migrations.
    pub sections: Vec<DiffSection>,
    /// Migrations that only `to` has, or has with another text: what it would
    /// run.
    #[serde(default)]
    pub migrations: Vec<MigrationText>,
}

/// A migration with the text of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationText {
    /// File below `migrations/`, such as `mysql/0001_orders.sql`.
    pub file: String,
    /// Whole text of the file.
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

/// A part in which two releases differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffSection {
    /// Name of the part.
    pub name: String,
    /// Lines that only `from` has.
    pub removed: Vec<String>,
    /// Lines that only `to` has.
    pub added: Vec<String>,
}

/// An error as RFC 9457 problem details.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Reason phrase of the status.
    pub title: String,
    /// Explanation of this occurrence.
    pub detail: String,
}

/// Reply to GET and DELETE `/v1/cache`: the replies that a node keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheState {
    /// Size of the replies, in bytes.
    pub bytes: u64,
    /// Most bytes that are kept.
    pub max_bytes: u64,
    /// Number of replies, with the targets whose replies are not kept.
    pub entries: usize,
    /// Cached routes that had requests.
    pub routes: Vec<CachedRoute>,
}

/// Requests to a cached route.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CachedRoute {
    /// Path template of the route.
    pub route: String,
    /// Number of requests, by what the cache did for them.
    pub results: BTreeMap<String, u64>,
}

/// Reply to GET `/v1/cache/why`: what is known of the replies to one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheExplanation {
    /// Path template of the route.
    pub route: String,
    /// Releases that serve the route, as `name@version`, with what is known of their replies; null
    /// where the manifest does not name the route as cached.
    pub releases: BTreeMap<String, Option<Explanation>>,
}
