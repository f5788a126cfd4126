//! What a node says of itself to the others and to operators.

use std::collections::BTreeMap;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Connections;

use crate::config::secrets::KeyRing;
use crate::guest::Tally;
use crate::rollout::canary::Totals;
use crate::rollout::canary::analysis::Record;

/// What a node says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// The host's version.
    pub version: String,
    /// Where it serves the shop.
    pub address: String,
    /// Milliseconds by which the node's clock is ahead of the control database's,
    /// fewer than none if it is behind; none from an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_ms: Option<i64>,
    /// The node whose place it took: one that ran in its data folder before and
    /// did not end in order, as far as it knows. Not told by an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Fingerprints of its keys; none from an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyRings>,
    /// Whether it reads bundles that are stored as blobs; an older host does not.
    #[serde(default)]
    pub reads_blobs: bool,
    /// Whether it writes the heads of the release log; an older host does not.
    #[serde(default)]
    pub writes_heads: bool,
    /// Its plugins.
    pub plugins: BTreeMap<String, PluginReport>,
    /// What an operator should know of the node itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Its connections to stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionReport>,
}

/// How far a node has followed the release log with one plugin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PluginReport {
    /// The log's revision that the rest speaks of.
    pub revision: i64,
    /// How far it is.
    pub state: State,
    /// Why it is no further.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether the failure may pass by itself, and is tried again until then: a
    /// store does not answer. Not told by an older host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// For how long it has been in this state, in milliseconds.
    pub for_ms: u64,
    /// What serves.
    pub active: Option<ReleaseReport>,
    /// What serves some clients instead.
    pub canary: Option<ReleaseReport>,
    /// What served before.
    pub before: Option<ReleaseReport>,
    /// How the two compare, while there is a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<CanaryReport>,
}

/// What two releases answered on one node since the one's trial beside the
/// other began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CanaryReport {
    /// The release on trial.
    pub canary: Tally,
    /// The active one.
    pub active: Tally,
    /// What the canary analysis has compared; nothing from an older host.
    #[serde(default)]
    pub compared: Totals,
    /// Requests of the canary that were compared since the node serves its
    /// present share of the clients; none from an older host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_step: Option<u64>,
}

/// How far a node is with one revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It serves what the log wants.
    Serving,
    /// It makes it ready; what served before goes on.
    Preparing,
    /// It cannot serve it; what served before goes on.
    Failed,
    /// A state of a newer host, of which this one knows nothing: the node does
    /// not serve what the log wants yet.
    #[serde(other)]
    Other,
}

/// One release on one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// Names it.
    pub digest: Digest,
    /// Its version.
    pub version: String,
    /// Requests since it began to serve here.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Half of the requests were faster, in microseconds.
    pub p50_us: u64,
    /// All but a hundredth were faster, in microseconds.
    pub p99_us: u64,
    /// Requests a second, lately.
    pub per_second: f64,
    /// What it lacks for real customers, on a node that seems to have such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// All keys of a node that other nodes have to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRings {
    /// The shop's secret, and its fallback.
    pub secret: KeyRing,
    /// The keys of tokens.
    pub tokens: KeyRing,
}

/// The connections of one pool of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// What they are for, such as `database of product`.
    pub store: String,
    /// What is at the other end: `mysql`, `sqlite` or `redis`.
    pub system: String,
    /// Those that work.
    pub used: usize,
    /// Those that are open and wait for work.
    pub idle: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// As many as there may be.
    pub most: usize,
}

impl ConnectionReport {
    /// Returns the report of a pool with these connections.
    pub(super) fn new(store: String, system: &str, now: Connections) -> Self {
        let Connections {
            used,
            idle,
            waiting,
            most,
        } = now;
        Self {
            store,
            system: system.to_owned(),
            used,
            idle,
            waiting,
            most,
        }
    }
}

impl From<&ReleaseReport> for Record {
    fn from(report: &ReleaseReport) -> Self {
        Self {
            requests: report.requests,
            errors: report.errors,
            p99: Duration::from_micros(report.p99_us),
        }
    }
}
