//! Going back to an earlier release straight in the control database, for when
//! no node answers operators.
//!
//! Nothing is led from here: one entry is written for each region, all of them
//! at once, and nodes follow their log as they always do.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use bundle::Digest;
use serde::Serialize;
use sqlx::sqlite::SqliteConnectOptions;
use stores::sql::{Databases, redacted_url};

use super::rollback::{self, NotMeant};
use crate::config::Settings;
use crate::rollout::control::log::{Entry, NewEntry, Wanted};
use crate::rollout::control::rollouts::Phase;
use crate::rollout::control::{Control, ControlError};

/// What the audit and the log call it.
const REASON: &str = "offline rollback";

/// How often a step is tried that somebody else has overtaken.
const TRIES: u32 = 10;

/// A rollback that is asked for.
#[derive(Debug, Clone)]
pub struct OfflineRollback {
    /// The plugin.
    pub plugin: String,
    /// A version, or the beginning of a digest; for each region what it ran
    /// before, when absent.
    pub to: Option<String>,
    /// Patterns of regions; all that run the plugin when empty.
    pub regions: Vec<String>,
    /// Who asks for it.
    pub author: String,
}

/// What an offline rollback has written.
#[derive(Debug, Clone, Serialize)]
pub struct OfflineOutcome {
    /// The changes, by region.
    pub changes: Vec<RegionChange>,
    /// Regions that run the release already.
    pub unchanged: Vec<String>,
    /// The rollout that was told to end, if one went on.
    pub aborted: Option<String>,
    /// Nodes of these regions that were heard of within the last seconds.
    pub live_nodes: usize,
}

/// The change of one region.
#[derive(Debug, Clone, Serialize)]
pub struct RegionChange {
    /// The region.
    pub region: String,
    /// The release that it was to run.
    pub from: Option<Digest>,
    /// The release that it is to run now.
    pub to: Digest,
}

/// Nothing was changed, unless the text says so.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The control database failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The file of the control database is not there.
    #[error("there is no control database at {0}: is control_url, or edge.toml, another one?")]
    NoDatabase(String),
    /// No region is meant.
    #[error(transparent)]
    NotMeant(#[from] NotMeant),
    /// There is no such release.
    #[error("no release of {plugin} has the version or digest {to}")]
    NoSuchRelease {
        /// The plugin.
        plugin: String,
        /// What was asked for.
        to: String,
    },
    /// There is nothing to go back to.
    #[error(
        "region {region} ran no other release of {plugin} before: name one with --to, or other \
         regions with --regions"
    )]
    NothingBefore {
        /// The plugin.
        plugin: String,
        /// The region.
        region: String,
    },
    /// The release was collected: nodes that start would not find it.
    #[error(
        "{plugin}@{version} was collected by `edge gc`: deploy its file or folder to a node, or \
         name another with --to"
    )]
    Collected {
        /// The plugin.
        plugin: String,
        /// The release.
        version: String,
    },
    /// Everything is as it should be.
    #[error("nothing to do: every region runs that release of {0} already")]
    NothingToDo(String),
    /// It is done, and not written down who did it.
    #[error("the audit could not be written, but this was done: {detail} ({source})")]
    NotAudited {
        /// What was done.
        detail: String,
        /// Why it is not in the audit.
        source: ControlError,
    },
    /// Others write all the time.
    #[error("the release log of region {0} was changed by others all the time; look at it again")]
    Overtaken(String),
}

type Result<T> = std::result::Result<T, OfflineError>;

/// Opens the control database of `settings`, which must be there.
///
/// # Errors
/// When it does not answer, or its file is not there.
pub async fn open_control(settings: &Settings) -> Result<Control> {
    let url = &settings.control_url;
    if url.starts_with("sqlite:") {
        // Opening it would make it, and a rollback in an empty log is of no use.
        let options = SqliteConnectOptions::from_str(url).ok();
        if !options.is_some_and(|options| options.get_filename().exists()) {
            return Err(OfflineError::NoDatabase(redacted_url(url)));
        }
    }
    let databases = Databases::new(settings.database_lifetimes);
    let control = Control::open(&databases, url, Arc::default()).await?;
    Ok(control.forgetting_nodes_after(settings.forget_after.node))
}

/// Writes the entries that `order` asks for, all of them or none, and what was
/// done into the audit.
///
/// # Errors
/// Says why nothing was changed. What was refused is in the audit too.
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

/// `aborted` is the rollout that was told to end, also where nothing else was
/// done.
async fn try_roll_back(
    control: &Control,
    order: &OfflineRollback,
    aborted: &mut Option<String>,
) -> Result<OfflineOutcome> {
    let plugin = &order.plugin;
    let heads = control.wanted_of(plugin).await?;
    let meant = rollback::meant(plugin, &heads, &order.regions)?;
    let mut changes = Vec::new();
    let mut unchanged = Vec::new();
    for &head in &meant {
        let to = target(control, order, head).await?;
        match head.wanted == Wanted::only(Some(to)) {
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

/// A region that goes back.
struct Change<'a> {
    /// What it is to run now.
    head: &'a Entry,
    /// What it is to run then.
    to: Digest,
}

impl From<&Change<'_>> for RegionChange {
    fn from(change: &Change<'_>) -> Self {
        Self {
            region: change.head.region.clone(),
            from: change.head.wanted.active,
            to: change.to,
        }
    }
}

/// Returns the release to go back to. A canary is the last change of its
/// region, so without it the active release is what ran before.
async fn target(control: &Control, order: &OfflineRollback, head: &Entry) -> Result<Digest> {
    let plugin = &order.plugin;
    let nothing_before = || OfflineError::NothingBefore {
        plugin: plugin.clone(),
        region: head.region.clone(),
    };
    let found = match (&order.to, head.wanted.active) {
        (Some(to), _) => {
            let found = control.find_bundle(plugin, to).await?;
            found.ok_or_else(|| OfflineError::NoSuchRelease {
                plugin: plugin.clone(),
                to: to.clone(),
            })?
        }
        (None, Some(active)) if head.wanted.canary.is_some() => active,
        (None, active) => {
            let before = control
                .previous_release(plugin, &head.region, active)
                .await?;
            before.ok_or_else(nothing_before)?
        }
    };
    match control.bundle_record(found).await? {
        // A node that starts must find what its region is to run.
        Some(record) if record.collected => Err(OfflineError::Collected {
            plugin: plugin.clone(),
            version: record.version.to_string(),
        }),
        Some(_) => Ok(found),
        None => Err(nothing_before()),
    }
}

/// Has the rollout of the plugin that goes on undone wherever this rollback
/// does not write: nodes do that once they are there.
async fn abort(control: &Control, order: &OfflineRollback) -> Result<Option<String>> {
    for _ in 0..TRIES {
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
    Err(OfflineError::Overtaken("any".to_owned()))
}

/// Writes the entries of all regions by one statement. Where somebody else was
/// faster, such as the nodes that undo a rollout, they follow theirs.
async fn write(control: &Control, order: &OfflineRollback, changes: &[Change<'_>]) -> Result<()> {
    let plugin = &order.plugin;
    let mut heads: Option<BTreeMap<String, Entry>> = None;
    for _ in 0..TRIES {
        let entries = changes.iter().map(|change| {
            let region = &change.head.region;
            let head = heads
                .as_ref()
                .map_or(Some(change.head), |heads| heads.get(region));
            NewEntry {
                region,
                plugin,
                after: head.map_or(0, |head| head.revision),
                wanted: Wanted::only(Some(change.to)),
                rollout: "",
                author: &order.author,
                reason: REASON,
            }
        });
        let entries: Vec<_> = entries.collect();
        match control.append_all(&entries).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Whether they were written is not known: the log says it.
            Err(error) => {
                let heads = control.wanted_of(plugin).await?;
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
        heads = Some(control.wanted_of(plugin).await?);
    }
    let regions: Vec<_> = changes.iter().map(|it| it.head.region.as_str()).collect();
    Err(OfflineError::Overtaken(regions.join(", ")))
}

fn is_same(head: &Entry, entry: &NewEntry<'_>) -> bool {
    head.wanted == entry.wanted && head.author == entry.author && head.reason == entry.reason
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
