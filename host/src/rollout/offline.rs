//! Going back to an earlier release straight in the control database, for when
//! no node answers operators.
//!
//! Nothing is led from here: one entry is written for each region, and nodes
//! follow their log as they always do.

use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use sqlx::sqlite::SqliteConnectOptions;

use super::bundle::Digest;
use super::control::log::{Entry, NewEntry, Wanted};
use super::control::rollouts::Phase;
use super::control::{Control, ControlError};
use super::rollback::{self, NotMeant};
use crate::config::Settings;
use crate::stores::sql::{Databases, public_url};

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

/// Nothing was changed, or not all of it: the text says which.
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
            return Err(OfflineError::NoDatabase(public_url(url)));
        }
    }
    let databases = Databases::new(settings.database_lifetimes);
    let control = Control::open(&databases, url, Arc::default()).await?;
    Ok(control.forgetting_nodes_after(settings.forget_after.node))
}

/// Writes the entries that `order` asks for, and who did so into the audit.
///
/// # Errors
/// Says why nothing was changed. What was refused is in the audit too.
pub async fn roll_back_offline(
    control: &Control,
    order: &OfflineRollback,
) -> Result<OfflineOutcome> {
    let outcome = try_roll_back(control, order).await;
    let (action, detail) = match &outcome {
        Ok(done) => ("rollback", describe(done)),
        Err(error) => ("refused", format!("{REASON}: {error}")),
    };
    let audited = control
        .audit(&order.author, action, &order.plugin, &detail)
        .await;
    match outcome {
        Ok(done) => {
            audited?;
            Ok(done)
        }
        Err(error) => Err(error),
    }
}

async fn try_roll_back(control: &Control, order: &OfflineRollback) -> Result<OfflineOutcome> {
    let plugin = &order.plugin;
    let heads = control.wanted_of(plugin).await?;
    let meant = rollback::meant(plugin, &heads, &order.regions)?;
    let mut targets = Vec::new();
    for &head in &meant {
        targets.push((head, target(control, order, head).await?));
    }
    let is_new = |(head, to): &(&Entry, Digest)| head.wanted != Wanted::only(Some(*to));
    let (changing, unchanged): (Vec<_>, Vec<_>) = targets.into_iter().partition(is_new);
    if changing.is_empty() {
        return Err(OfflineError::NothingToDo(plugin.clone()));
    }
    let aborted = abort(control, order).await?;
    let mut changes = Vec::new();
    for (head, to) in changing {
        write(control, order, head, to).await?;
        changes.push(RegionChange {
            region: head.region.clone(),
            from: head.wanted.active,
            to,
        });
    }
    let nodes = control.nodes().await?;
    let live = nodes
        .iter()
        .filter(|node| node.is_live() && meant.iter().any(|head| head.region == node.region));
    Ok(OfflineOutcome {
        changes,
        unchanged: unchanged
            .into_iter()
            .map(|(head, _)| head.region.clone())
            .collect(),
        aborted,
        live_nodes: live.count(),
    })
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

/// Writes the entry of one region. Where somebody else was faster, such as the
/// nodes that undo a rollout, the entry follows theirs.
async fn write(control: &Control, order: &OfflineRollback, head: &Entry, to: Digest) -> Result<()> {
    let mut after = head.revision;
    let wanted = Wanted::only(Some(to));
    for _ in 0..TRIES {
        let entry = NewEntry {
            region: &head.region,
            plugin: &order.plugin,
            after,
            wanted: wanted.clone(),
            rollout: "",
            author: &order.author,
            reason: REASON,
        };
        if control.append(entry).await? {
            return Ok(());
        }
        let mut heads = control.wanted_of(&order.plugin).await?;
        match heads.remove(&head.region) {
            Some(now) if now.wanted == wanted => return Ok(()),
            Some(now) => after = now.revision,
            None => break,
        }
    }
    Err(OfflineError::Overtaken(head.region.clone()))
}

fn describe(done: &OfflineOutcome) -> String {
    let changes = done.changes.iter();
    let regions: Vec<_> = changes
        .map(|change| format!("{} to {}", change.region, change.to))
        .collect();
    format!("offline: {}", regions.join(", "))
}
