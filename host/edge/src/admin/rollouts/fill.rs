//! Handler that fills a new region with the releases of another one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};
use bundle::Digest;

use super::in_progress::in_progress;
use crate::admin::AdminState;
use crate::admin::api::{Fill, Filled};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::control::log::{DesiredState, Entry, NewEntry};
use crate::rollout::control::rollouts::Plan as CanaryPlan;
use crate::rollout::control::rollouts::{MaxUnavailable, live_nodes};
use crate::rollout::control::rollouts::{NewRollout, Rollout, new_rollout_id};
use crate::rollout::filled_from;

/// Rollouts by plugin: the id and the release of each.
type Rollouts<'p> = BTreeMap<&'p str, (String, Digest)>;

/// POST `/v1/regions/{region}/fill`: makes a region run the active releases of
/// another one, for plugins of which it runs none.
pub(super) async fn fill(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(region): Path<String>,
    Json(order): Json<Fill>,
) -> Result<Json<Filled>> {
    let object = format!("region {region} from {}", order.from);
    let mut action = AuditedAction::new(author, "fill-region", "").of(object);
    let outcome = try_fill(&state, &mut action, &region, &order).await;
    action.record_refusal(&state, outcome).await
}

async fn try_fill(
    state: &AdminState,
    action: &mut AuditedAction,
    region: &str,
    order: &Fill,
) -> Result<Json<Filled>> {
    check_regions(state, region, &order.from).await?;
    let source = state.control.desired_in(&order.from).await?;
    let target = state.control.desired_in(region).await?;
    let plan = Plan::new(order, &source, &target)?;
    refuse_in_progress(state, plan.missing.keys()).await?;
    let reason = filled_from(&order.from);
    let rollouts: Rollouts<'_> = plan
        .missing
        .iter()
        .map(|(plugin, digest)| (plugin.as_str(), (new_rollout_id(), *digest)))
        .collect();
    if !rollouts.is_empty() {
        // The audit is written first, so that it covers an interruption after
        // the first entry of the log.
        let detail = intent(region, &order.from, &rollouts);
        action.done_as(state, "fill-region-begin", &detail).await?;
        append(state, action, region, &reason, &rollouts, &target).await?;
    }
    let begun = begin_all(state, action, region, &reason, &rollouts).await?;
    state.notifier.everywhere().await;
    Ok(Json(Filled {
        rollouts: begun,
        present: plan.present,
        different: plan.different,
    }))
}

async fn refuse_in_progress(
    state: &AdminState,
    plugins: impl Iterator<Item = &String>,
) -> Result<()> {
    for plugin in plugins {
        if let Some(other) = state.control.open_rollout_of(plugin).await? {
            return Err(in_progress(&other));
        }
    }
    Ok(())
}

/// Begins a rollout for each plugin, whose entry the log of the region has
/// already.
async fn begin_all(
    state: &AdminState,
    action: &mut AuditedAction,
    region: &str,
    reason: &str,
    rollouts: &Rollouts<'_>,
) -> Result<Vec<Rollout>> {
    let mut begun = Vec::new();
    for (plugin, (id, digest)) in rollouts {
        (*plugin).clone_into(&mut action.plugin);
        let new = NewRollout {
            plugin: (*plugin).to_owned(),
            digest: Some(*digest),
            regions: vec![region.to_owned()],
            canary_percent: 0,
            pause: Duration::ZERO,
            max_unavailable: MaxUnavailable::Nodes(0),
            plan: CanaryPlan::default(),
            author: action.author.clone(),
        };
        // If another rollout of the plugin was begun meanwhile, that one
        // continues with the region.
        state.control.begin_rollout_as(id, &new).await?;
        let detail = format!("rollout {id}: to {digest}, in {region}, {reason}");
        action.done(state, &detail).await?;
        begun.extend(state.control.rollout(id).await?);
    }
    Ok(begun)
}

async fn check_regions(state: &AdminState, region: &str, from: &str) -> Result<()> {
    if region == from {
        let detail = format!("region {region} cannot be filled from itself");
        return Err(ApiError::bad_request(detail));
    }
    let nodes = state.control.nodes().await?;
    if live_nodes(&nodes, region).is_empty() {
        return Err(ApiError::bad_request(format!(
            "region {region} has no live node; start one with `region = \"{region}\"` first: it \
             takes no customers before it is filled"
        )));
    }
    Ok(())
}

/// Describes the changes that are about to be written, for the audit.
fn intent(region: &str, from: &str, rollouts: &Rollouts<'_>) -> String {
    let plugins = rollouts
        .iter()
        .map(|(plugin, (id, digest))| format!("{plugin} {} (rollout {id})", digest.short()));
    let plugins: Vec<_> = plugins.collect();
    format!("region {region} from {from}: {}", plugins.join(", "))
}

/// Appends all entries in one statement: nodes of the region that read the log
/// see every plugin that they have to serve before they accept customers.
async fn append(
    state: &AdminState,
    action: &AuditedAction,
    region: &str,
    reason: &str,
    rollouts: &Rollouts<'_>,
    target: &BTreeMap<String, Entry>,
) -> Result<()> {
    let entries = rollouts.iter().map(|(plugin, (id, digest))| NewEntry {
        region,
        plugin,
        after: target.get(*plugin).map_or(0, |entry| entry.revision),
        desired: DesiredState::only(Some(*digest)),
        rollout: id,
        author: &action.author,
        reason,
    });
    let entries: Vec<_> = entries.collect();
    if state.control.append_all(&entries).await? {
        return Ok(());
    }
    let detail = format!("the release log of region {region} changed meanwhile; try again");
    Err(ApiError::conflict(detail))
}

/// Comparison of the plugins of a region with those of another one.
struct Plan {
    /// Plugins that the region does not run, with the release to run.
    missing: BTreeMap<String, Digest>,
    /// Plugins of which the region already runs the same release.
    present: Vec<String>,
    /// Plugins of which the region runs another release, which is kept.
    different: Vec<String>,
}

impl Plan {
    fn new(
        order: &Fill,
        source: &BTreeMap<String, Entry>,
        target: &BTreeMap<String, Entry>,
    ) -> Result<Self> {
        let active = |entry: &Entry| entry.desired.active;
        let runs = source
            .iter()
            .filter_map(|(plugin, entry)| Some((plugin, active(entry)?)));
        let runs: BTreeMap<_, _> = runs.collect();
        let from = &order.from;
        if runs.is_empty() {
            return Err(ApiError::not_found(format!("region {from} runs nothing")));
        }
        if let Some(unknown) = order.plugins.iter().find(|name| !runs.contains_key(name)) {
            let detail = format!("region {from} does not run {unknown}");
            return Err(ApiError::not_found(detail));
        }
        let mut plan = Self {
            missing: BTreeMap::new(),
            present: Vec::new(),
            different: Vec::new(),
        };
        for (plugin, digest) in runs {
            if !order.plugins.is_empty() && !order.plugins.contains(plugin) {
                continue;
            }
            match target.get(plugin).and_then(active) {
                None => drop(plan.missing.insert(plugin.clone(), digest)),
                Some(own) if own == digest => plan.present.push(plugin.clone()),
                Some(_) => plan.different.push(plugin.clone()),
            }
        }
        Ok(plan)
    }
}
