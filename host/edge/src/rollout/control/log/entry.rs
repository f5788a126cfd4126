//! Entries of the release log, and the state that each asks for.

use std::time::Duration;

use bundle::Digest;
use serde::{Deserialize, Serialize};
use stores::sql::Value;

use crate::rollout::control::row::Row;
use crate::rollout::control::{Result, optional};

/// Lists the columns that [`Entry::read`] reads.
macro_rules! columns {
    () => {
        "l.region, l.plugin, l.revision, l.active, l.canary, l.canary_percent, \
         l.rollout, l.author, l.reason, l.written_at, {now} - l.written_at"
    };
}
/// Selects entries as [`Entry::read`] reads them; the argument is the rest of the statement.
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM edge_release_log l ", $rest)
    };
}

/// The desired state of one plugin in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredState {
    /// The release that serves; `None` once the plugin is removed.
    pub active: Option<Digest>,
    /// The canary release, which serves some clients instead of the active one.
    pub canary: Option<DesiredCanary>,
}

/// A canary release and its share of the clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredCanary {
    /// Digest of the release.
    pub digest: Digest,
    /// Percentage of the clients that the canary serves.
    pub percent: u8,
}

impl DesiredState {
    /// Returns the state in which `digest` serves all clients, without a canary.
    #[must_use]
    pub fn only(digest: Option<Digest>) -> Self {
        Self {
            active: digest,
            canary: None,
        }
    }

    pub(super) fn values(&self) -> [Value; 3] {
        let canary = self.canary.as_ref();
        [
            optional(self.active),
            optional(canary.map(|canary| canary.digest)),
            Value::Integer(canary.map_or(0, |canary| canary.percent.into())),
        ]
    }
}

/// One entry of the release log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Region of the entry.
    pub region: String,
    /// Plugin of the entry.
    pub plugin: String,
    /// Revision of the entry, counted from 1 for each region and plugin.
    pub revision: i64,
    /// Desired state from this entry on.
    #[serde(flatten)]
    pub desired: DesiredState,
    /// ID of the rollout that wrote the entry; empty for other writers, such as a node that adopts
    /// its plugin folder.
    pub rollout: String,
    /// Operator or node that asked for the change.
    pub author: String,
    /// Reason of the change; may be empty.
    pub reason: String,
    /// Time when the entry was written, in milliseconds since 1970.
    pub written_at: i64,
    /// Age of the entry when it was read, in milliseconds.
    pub age_ms: i64,
}

/// A new entry that is written by other than the rollout controller.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Region of the entry.
    pub region: &'a str,
    /// Plugin of the entry.
    pub plugin: &'a str,
    /// Revision that the entry follows; 0 for the first of its region and plugin.
    pub after: i64,
    /// Desired state from this entry on.
    pub desired: DesiredState,
    /// ID of the rollout that the entry belongs to; empty for none.
    pub rollout: &'a str,
    /// Operator or node that asks for the change.
    pub author: &'a str,
    /// Reason of the change; may be empty.
    pub reason: &'a str,
}

impl Entry {
    /// Returns the age of the entry when it was read.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.unsigned_abs())
    }

    pub(super) fn read(mut row: Row) -> Result<Self> {
        let (region, plugin, revision) = (row.text()?, row.text()?, row.integer()?);
        let (active, canary, percent) = (row.optional()?, row.optional()?, row.integer()?);
        let percent = u8::try_from(percent).unwrap_or(100).min(100);
        Ok(Self {
            region,
            plugin,
            revision,
            desired: DesiredState {
                active,
                canary: canary.map(|digest| DesiredCanary { digest, percent }),
            },
            rollout: row.text()?,
            author: row.text()?,
            reason: row.text()?,
            written_at: row.integer()?,
            age_ms: row.integer()?.max(0),
        })
    }
}
