//! Reports of nodes, read by other nodes and by operators.

use std::collections::BTreeMap;
use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Connections;

use crate::config::secrets::KeyRing;
use crate::guest::Tally;
use crate::rollout::canary::Totals;
use crate::rollout::canary::analysis::ReleaseMetrics;

/// Report of a node, stored in the control database.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Version of the host that the node runs.
    pub version: String,
    /// Address at which the node serves the shop.
    pub address: String,
    /// Milliseconds by which the node's clock is ahead of the control
    /// database's, negative if behind; `None` until it is measured, and from
    /// hosts that do not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_ms: Option<i64>,
    /// Name of the node that ran in this data folder before and, as far as is
    /// known, did not shut down in order; `None` also from hosts that do not
    /// report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Fingerprints of the node's keys; `None` from hosts that do not report
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyRings>,
    /// True if the node reads bundles that are stored as blobs; older hosts do
    /// not.
    #[serde(default)]
    pub reads_blobs: bool,
    /// True if the node writes the heads of the release log; older hosts do
    /// not.
    #[serde(default)]
    pub writes_heads: bool,
    /// Plugins that the node serves or is to serve, by name.
    pub plugins: BTreeMap<String, PluginReport>,
    /// Warnings for operators about the node itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Connections of the node to its stores, by pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionReport>,
}

/// Progress of a node in following the release log with one plugin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PluginReport {
    /// Revision of the release log that this report is about.
    pub revision: i64,
    /// State of the plugin on the node at this revision.
    pub state: State,
    /// Reason for a failure; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// True if the plugin failed because a store does not answer, so that it is
    /// retried until it succeeds. Older hosts do not report it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// Time that the plugin has been in this state, in milliseconds.
    pub for_ms: u64,
    /// Active release, if one serves.
    pub active: Option<ReleaseReport>,
    /// Canary, if one serves.
    pub canary: Option<ReleaseReport>,
    /// Release that was active before, with its counts at the time it was
    /// replaced.
    pub before: Option<ReleaseReport>,
    /// Comparison of canary and active release, while there is a canary.
    #[serde(rename = "trial", default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<CanaryReport>,
}

/// Counts of requests that a canary and the active release answered on one node
/// since the canary began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CanaryReport {
    /// Requests that the canary answered.
    pub canary: Tally,
    /// Requests that the active release answered.
    pub active: Tally,
    /// Totals of the canary analysis; empty from hosts that do not report them.
    #[serde(default)]
    pub compared: Totals,
    /// Requests of the canary that were compared since the node serves the
    /// canary's present share of clients; `None` from hosts that do not report
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_step: Option<u64>,
}

/// State of a plugin on a node at one revision of the release log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The node serves the releases that the log asks for.
    Serving,
    /// The node prepares the release; the previous one, if any, keeps serving.
    Preparing,
    /// The node cannot serve the release; the previous one, if any, keeps
    /// serving.
    Failed,
    /// State reported by a newer host that this version does not know; treated
    /// as not serving yet.
    #[serde(other)]
    Other,
}

/// Counts and warnings of one release on one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// SHA-256 digest of the bundle.
    pub digest: Digest,
    /// Version from the manifest.
    pub version: String,
    /// Requests that the release answered since it began to serve on this node.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Median latency, in microseconds.
    pub p50_us: u64,
    /// 99th percentile of latency, in microseconds.
    pub p99_us: u64,
    /// Requests per second recently, measured between heartbeats.
    pub per_second: f64,
    /// Settings that production needs and that are missing, on a node that
    /// looks like production.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Fingerprints of all keys of a node that other nodes have to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRings {
    /// Fingerprints of the shop's secret and its fallbacks.
    pub secret: KeyRing,
    /// Fingerprints of the keys of tokens.
    pub tokens: KeyRing,
}

/// Use of one connection pool of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// Purpose of the pool, such as `database of product`.
    pub store: String,
    /// Database system: `mysql`, `sqlite` or `redis`.
    pub system: String,
    /// Connections in use.
    pub used: usize,
    /// Open connections that are idle.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Maximum number of connections.
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

impl From<&ReleaseReport> for ReleaseMetrics {
    fn from(report: &ReleaseReport) -> Self {
        Self {
            requests: report.requests,
            errors: report.errors,
            p99: Duration::from_micros(report.p99_us),
        }
    }
}
