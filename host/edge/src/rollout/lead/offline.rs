//! Rollback to an earlier release directly in the control database, for when no node answers
//! operators.
//!
//! No rollout is created: one entry is written for each region, all in one statement, and nodes
//! follow the release log as usual.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use bundle::Digest;
use serde::Serialize;
use sqlx::sqlite::SqliteConnectOptions;
use stores::sql::{Databases, redacted_url};

use super::rollback::{self, NotMeant};
use crate::config::Settings;
use crate::rollout::control::log::{DesiredState, Entry, NewEntry};
use crate::rollout::control::rollouts::Phase;
use crate::rollout::control::{Control, ControlError};

/// Reason of the rollback in the audit log and the release log.
const REASON: &str = "offline rollback";

/// Maximum number of attempts at a step that concurrent writers get ahead of.
const MAX_ATTEMPTS: u32 = 10;

/// Parameters of an offline rollback.
#[derive(Debug, Clone)]
pub struct OfflineRollback {
    /// Name of the plugin.
    pub plugin: String,
    /// Version or beginning of a digest of the release to go back to; `None` for the previous
    /// release of each region.
    pub to: Option<String>,
    /// Wildcard patterns of region names; empty for all regions that run the plugin.
    pub regions: Vec<String>,
    /// Operator who asks for the rollback.
    pub author: String,
}

/// Result of an offline rollback.
#[derive(Debug, Clone, Serialize)]
pub struct OfflineOutcome {
    /// Changes, one for each region.
    pub changes: Vec<RegionChange>,
    /// Regions that are to run the release already.
    pub unchanged: Vec<String>,
    /// ID of the rollout in progress that was aborted, if there was one.
    pub aborted: Option<String>,
    /// Number of live nodes in the regions that the rollback concerns.
    pub live_nodes: usize,
}

/// Change of one region by an offline rollback.
#[derive(Debug, Clone, Serialize)]
pub struct RegionChange {
    /// Name of the region.
    pub region: String,
    /// Active release before the change; `None` if the plugin was removed.
    pub from: Option<Digest>,
    /// Active release after the change.
    pub to: Digest,
}

/// An error of an offline rollback. Nothing was changed, unless the message says so.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The control database failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The SQLite file of the control database does not exist.
    #[error("there is no control database at {0}: is control_url, or edge.toml, another one?")]
    NoDatabase(String),
    /// The patterns match no region of the plugin.
    #[error(transparent)]
    NotMeant(#[from] NotMeant),
    /// No release of the plugin has the requested version or digest.
    #[error("no release of {plugin} has the version or digest {to}")]
    NoSuchRelease {
        /// Name of the plugin.
        plugin: String,
        /// Version or beginning of a digest that was requested.
        to: String,
    },
    /// The region has no previous release of the plugin.
    #[error(
        "region {region} ran no other release of {plugin} before: name one with --to, or other \
         regions with --regions"
    )]
    NothingBefore {
        /// Name of the plugin.
        plugin: String,
        /// Name of the region.
        region: String,
    },
    /// The release was garbage-collected, so nodes that start would not find it.
    #[error(
        "{plugin}@{version} was collected by `edge gc`: deploy its file or folder to a node, or \
         name another with --to"
    )]
    Collected {
        /// Name of the plugin.
        plugin: String,
        /// Version of the collected release.
        version: String,
    },
    /// Every region is to run the release already.
    #[error("nothing to do: every region runs that release of {0} already")]
    NothingToDo(String),
    /// The rollback was done, but the audit log could not be written.
    #[error("the audit could not be written, but this was done: {detail} ({source})")]
    NotAudited {
        /// Description of the changes.
        detail: String,
        /// Error of the write to the audit log.
        source: ControlError,
    },
    /// The rollout in progress was moved by others before every attempt to abort it.
    #[error("the rollout of {0} in progress was changed by others all the time; look at it again")]
    RolloutMoves(String),
    /// Concurrent writers got ahead of every attempt.
    #[error("the release log of region {0} was changed by others all the time; look at it again")]
    Overtaken(String),
}

type Result<T> = std::result::Result<T, OfflineError>;

/// Opens the control database of `settings`, which must exist.
///
/// # Errors
/// When the database does not answer, or its file does not exist.
pub async fn open_control(settings: &Settings) -> Result<Control> {
    let url = &settings.control_url;
    if url.starts_with("sqlite:") {
        // Opening a missing file would create it, and a rollback in an empty log is of no use.
        let options = SqliteConnectOptions::from_str(url).ok();
        if !options.is_some_and(|options| options.get_filename().exists()) {
            return Err(OfflineError::NoDatabase(redacted_url(url)));
        }
    }
    let databases = Databases::new(settings.databases.lifetimes);
    let control = Control::open(&databases, url, Arc::default()).await?;
    Ok(control.forgetting_nodes_after(settings.forget_after.node))
}

/// Writes the entries that `order` asks for, all of them or none, and records the outcome in the
/// audit log.
///
/// # Errors
/// Says why nothing was changed, or, for `NotAudited`, what was changed without a record. Failed
/// attempts are recorded in the audit log too.
pub async fn roll_back_offline(
    control: &Control,
    order: &OfflineRollback,
) -> Result<OfflineOutcome> {
    let mut aborted = None;
    let outcome = try_roll_back(control, order, &mut aborted).await;
    let (action, detail) = match (&outcome, aborted) {
        (Ok(done), _) => ("rollback", describe(done)),
        (Err(error), Some(rollout)) => (
            "abort",
            format!("offline: rollout {rollout}; no release went back: {error}"),
        ),
        (Err(error), None) => ("refused", format!("{REASON}: {error}")),
    };
    let audited = control
        .audit(&order.author, action, &order.plugin, &detail)
        .await;
    match (&outcome, audited) {
        (Ok(_), Err(source)) => Err(OfflineError::NotAudited { detail, source }),
        _ => outcome,
    }
}

/// Aborts an open rollout of the plugin and writes the entries. Sets `aborted` to the ID of the
/// aborted rollout, also if a later step fails.
async fn try_roll_back(
    control: &Control,
    order: &OfflineRollback,
    aborted: &mut Option<String>,
) -> Result<OfflineOutcome> {
    let plugin = &order.plugin;
    let heads = control.desired_of(plugin).await?;
    let meant = rollback::meant(plugin, &heads, &order.regions)?;
    let mut changes = Vec::new();
    let mut unchanged = Vec::new();
    for &head in &meant {
        let to = target(control, order, head).await?;
        match head.desired == DesiredState::only(Some(to)) {
            true => unchanged.push(head.region.clone()),
            false => changes.push(Change { head, to }),
        }
    }
    if changes.is_empty() {
        return Err(OfflineError::NothingToDo(plugin.clone()));
    }
    *aborted = abort(control, order).await?;
    write(control, order, &changes).await?;
    let nodes = control.nodes().await?;
    let live = nodes
        .iter()
        .filter(|node| node.is_live() && meant.iter().any(|head| head.region == node.region));
    Ok(OfflineOutcome {
        changes: changes.iter().map(RegionChange::from).collect(),
        unchanged,
        aborted: aborted.clone(),
        live_nodes: live.count(),
    })
}

/// Rollback of one region.
struct Change<'a> {
    /// Last entry of the region, before the rollback.
    head: &'a Entry,
    /// Release that the region is to run after the rollback.
    to: Digest,
}

impl From<&Change<'_>> for RegionChange {
    fn from(change: &Change<'_>) -> Self {
        Self {
            region: change.head.region.clone(),
            from: change.head.desired.active,
            to: change.to,
        }
    }
}

/// Returns the release to go back to. If the region has a canary, the canary is the last change, so
/// the active release is what ran before.
async fn target(control: &Control, order: &OfflineRollback, head: &Entry) -> Result<Digest> {
    let plugin = &order.plugin;
    let nothing_before = || OfflineError::NothingBefore {
        plugin: plugin.clone(),
        region: head.region.clone(),
    };
    let found = match (&order.to, head.desired.active) {
        (Some(to), _) => {
            let found = control.find_bundle(plugin, to).await?;
            found.ok_or_else(|| OfflineError::NoSuchRelease {
                plugin: plugin.clone(),
                to: to.clone(),
            })?
        }
        (None, Some(active)) if head.desired.canary.is_some() => active,
        (None, active) => {
            let before = control
                .previous_release(plugin, &head.region, active)
                .await?;
            before.ok_or_else(nothing_before)?
        }
    };
    match control.bundle_record(found).await? {
        // A node that starts must find the bundle that its region is to run.
        Some(record) if record.collected => Err(OfflineError::Collected {
            plugin: plugin.clone(),
            version: record.version.to_string(),
        }),
        Some(_) => Ok(found),
        None => Err(nothing_before()),
    }
}

/// Aborts the open rollout of the plugin and returns its ID. Nodes revert it, once they run, in the
/// regions that this rollback does not write.
async fn abort(control: &Control, order: &OfflineRollback) -> Result<Option<String>> {
    for _ in 0..MAX_ATTEMPTS {
        let Some(open) = control.open_rollout_of(&order.plugin).await? else {
            return Ok(None);
        };
        let reason = format!("aborted by {}: {REASON}", order.author);
        if open.phase == Phase::Aborting
            || control
                .move_rollout(&open, Phase::Aborting, &reason)
                .await?
        {
            return Ok(Some(open.id));
        }
    }
    Err(OfflineError::RolloutMoves(order.plugin.clone()))
}

/// Writes the entries of all regions by one statement. If another writer is first, such as a node
/// that reverts a rollout, the entries are written again after those of that writer.
async fn write(control: &Control, order: &OfflineRollback, changes: &[Change<'_>]) -> Result<()> {
    let plugin = &order.plugin;
    let mut heads: Option<BTreeMap<String, Entry>> = None;
    for _ in 0..MAX_ATTEMPTS {
        let entries = changes.iter().map(|change| {
            let region = &change.head.region;
            let head = heads
                .as_ref()
                .map_or(Some(change.head), |heads| heads.get(region));
            NewEntry {
                region,
                plugin,
                after: head.map_or(0, |head| head.revision),
                desired: DesiredState::only(Some(change.to)),
                rollout: "",
                author: &order.author,
                reason: REASON,
            }
        });
        let entries: Vec<_> = entries.collect();
        match control.append_all(&entries).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // After an error the write may have succeeded, which the log shows.
            Err(error) => {
                let heads = control.desired_of(plugin).await?;
                let is_written = |entry: &NewEntry<'_>| {
                    let head = heads.get(entry.region);
                    head.is_some_and(|head| head.revision > entry.after && is_same(head, entry))
                };
                return match entries.iter().all(is_written) {
                    true => Ok(()),
                    false => Err(error.into()),
                };
            }
        }
        heads = Some(control.desired_of(plugin).await?);
    }
    let regions: Vec<_> = changes.iter().map(|it| it.head.region.as_str()).collect();
    Err(OfflineError::Overtaken(regions.join(", ")))
}

fn is_same(head: &Entry, entry: &NewEntry<'_>) -> bool {
    head.desired == entry.desired && head.author == entry.author && head.reason == entry.reason
}

fn describe(done: &OfflineOutcome) -> String {
    let changes = done.changes.iter();
    let regions: Vec<_> = changes
        .map(|change| format!("{} to {}", change.region, change.to))
        .collect();
    let aborted = done.aborted.as_ref();
    let aborted = aborted.map_or(String::new(), |id| format!("; rollout {id} aborted"));
    format!("offline: {}{aborted}", regions.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_others_changed() {
        let rollout = OfflineError::RolloutMoves("order".to_owned()).to_string();
        assert!(rollout.contains("rollout of order"), "{rollout}");
        assert!(!rollout.contains("region"), "{rollout}");
        let log = OfflineError::Overtaken("eu, us".to_owned()).to_string();
        assert!(log.contains("region eu, us"), "{log}");
    }
}
