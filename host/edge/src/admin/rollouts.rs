//! Handlers that begin, end and show rollouts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};
use bundle::Digest;

use super::api::{Deploy, RollBack};
use super::attempt::AuditedAction;
use super::auth::Actor;
use super::error::{ApiError, Result};
use super::{AdminState, canary, regions};
use crate::rollout::control::log::Entry;
use crate::rollout::control::rollouts::{MaxUnavailable, NewRollout, Phase, Plan, Rollout};
use crate::rollout::lead::rollback::{self, NotMeant};

/// Maximum length of a client's claim of a bundle's origin in the audit, in
/// characters.
const LONGEST_ORIGIN: usize = 500;

/// POST `/v1/rollouts`: makes the release ready on this node, and if it can
/// serve, begins its rollout to the regions.
pub(super) async fn deploy(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(deploy): Json<Deploy>,
) -> Result<Json<Rollout>> {
    let mut attempt = AuditedAction::new(author, "deploy", "").of(deploy.digest);
    let outcome = try_deploy(&office, &mut attempt, deploy).await;
    attempt.settle(&office, outcome).await
}

async fn try_deploy(
    office: &AdminState,
    attempt: &mut AuditedAction,
    deploy: Deploy,
) -> Result<Json<Rollout>> {
    let record = office.control.bundle_record(deploy.digest).await?;
    let record = record.ok_or_else(|| {
        ApiError::not_found(format!(
            "there is no bundle {}; add it first",
            deploy.digest
        ))
    })?;
    attempt.plugin.clone_from(&record.plugin);
    let (canary_percent, plan) = canary::plan(office, &deploy)?;
    let regions = regions::named(office, &record.plugin, &deploy.regions).await?;
    let new = NewRollout {
        plugin: record.plugin,
        digest: Some(deploy.digest),
        regions,
        canary_percent,
        pause: Duration::from_millis(deploy.pause_ms),
        max_unavailable: MaxUnavailable::Nodes(deploy.max_unavailable),
        plan,
        author: attempt.author.clone(),
    };
    begin(office, attempt, new, deploy.origin.as_deref()).await
}

/// POST `/v1/plugins/{plugin}/rollback`: begins a rollout of an earlier
/// release.
pub(super) async fn roll_back(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
    Json(roll_back): Json<RollBack>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "rollback", &plugin);
    let attempt = match &roll_back.to {
        Some(to) => attempt.of(to),
        None => attempt,
    };
    let outcome = try_roll_back(&office, &attempt, plugin, roll_back).await;
    attempt.settle(&office, outcome).await
}

async fn try_roll_back(
    office: &AdminState,
    attempt: &AuditedAction,
    plugin: String,
    roll_back: RollBack,
) -> Result<Json<Rollout>> {
    let heads = office.control.desired_of(&plugin).await?;
    let meant = rollback::meant(&plugin, &heads, &roll_back.regions)?;
    let digest = match &roll_back.to {
        Some(to) => named_release(office, &plugin, to).await?,
        None => common_previous(office, &plugin, &meant).await?,
    };
    let regions = meant.iter().map(|head| head.region.clone()).collect();
    let new = NewRollout {
        regions,
        plugin,
        digest: Some(digest),
        canary_percent: 0,
        pause: Duration::ZERO,
        // The release to be replaced may have brought nodes down, which must
        // not prevent the rollback.
        max_unavailable: MaxUnavailable::Any,
        plan: Plan::default(),
        author: attempt.author.clone(),
    };
    begin(office, attempt, new, None).await
}

impl From<NotMeant> for ApiError {
    fn from(error: NotMeant) -> Self {
        match error {
            NotMeant::NoSuchPlugin(_) => Self::not_found(error),
            NotMeant::NoSuchRegion { .. } => Self::bad_request(error),
        }
    }
}

/// DELETE `/v1/plugins/{plugin}`: begins a rollout that removes the plugin from
/// all regions.
pub(super) async fn remove(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "remove", &plugin);
    let outcome = try_remove(&office, &attempt, plugin).await;
    attempt.settle(&office, outcome).await
}

async fn try_remove(
    office: &AdminState,
    attempt: &AuditedAction,
    plugin: String,
) -> Result<Json<Rollout>> {
    let desired = office.control.desired_of(&plugin).await?;
    if desired.values().all(|entry| entry.desired.active.is_none()) {
        return Err(ApiError::not_found(format!("no region runs {plugin}")));
    }
    let without = office.live.check_compatible(|plugins| {
        plugins.remove(&plugin);
    });
    without.map_err(ApiError::unfit)?;
    let new = NewRollout {
        plugin,
        digest: None,
        regions: desired.into_keys().collect(),
        canary_percent: 0,
        pause: Duration::ZERO,
        max_unavailable: MaxUnavailable::Any,
        plan: Plan::default(),
        author: attempt.author.clone(),
    };
    begin(office, attempt, new, None).await
}

/// POST `/v1/plugins/{plugin}/promote`: rolls the canary out to all clients.
pub(super) async fn promote(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "promote", &plugin);
    let outcome = try_promote(&office, &attempt).await;
    attempt.settle(&office, outcome).await
}

async fn try_promote(office: &AdminState, attempt: &AuditedAction) -> Result<Json<Rollout>> {
    let rollout = open(office, &attempt.plugin).await?;
    if rollout.phase != Phase::Canary {
        let detail = format!(
            "the rollout is {}, and has no canary to promote",
            rollout.phase
        );
        return Err(ApiError::conflict(detail));
    }
    canary::refuse_paused(office, &rollout).await?;
    lead_on(office, attempt, rollout, Phase::Promoting).await
}

/// POST `/v1/plugins/{plugin}/abort`: ends a rollout, and reverts what it
/// changed.
pub(super) async fn abort(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(plugin): Path<String>,
) -> Result<Json<Rollout>> {
    let attempt = AuditedAction::new(author, "abort", &plugin);
    let outcome = async {
        let rollout = open(&office, &attempt.plugin).await?;
        lead_on(&office, &attempt, rollout, Phase::Aborting).await
    };
    let outcome = outcome.await;
    attempt.settle(&office, outcome).await
}

/// GET `/v1/rollouts/{id}`: returns one rollout.
pub(super) async fn show(
    State(office): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Json<Rollout>> {
    let rollout = office.control.rollout(&id).await?;
    rollout
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no rollout {id}")))
}

/// Begins a rollout. `origin` is where the bundle comes from, according to the
/// client.
async fn begin(
    office: &AdminState,
    attempt: &AuditedAction,
    new: NewRollout,
    origin: Option<&str>,
) -> Result<Json<Rollout>> {
    if let Some(other) = office.control.open_rollout_of(&new.plugin).await? {
        return Err(goes_on(&other));
    }
    if let Some(digest) = new.digest {
        let prepared = office
            .activator
            .prepare(&new.plugin, digest, &new.author)
            .await;
        if let Err(error) = prepared {
            tracing::warn!(plugin = new.plugin, %digest, "a release was refused: {error}");
            return Err(error.into());
        }
    }
    let Some(id) = office.control.begin_rollout(&new).await? else {
        let other = open(office, &new.plugin).await?;
        return Err(goes_on(&other));
    };
    refuse_collected(office, &new, &id).await?;
    let to = new
        .digest
        .map_or("nothing".to_owned(), |digest| digest.to_string());
    let origin = origin.map_or(String::new(), |origin| format!(", from {}", plain(origin)));
    let regions = new.regions.join(", ");
    let tolerance = match new.max_unavailable {
        MaxUnavailable::Nodes(0) | MaxUnavailable::Any => String::new(),
        MaxUnavailable::Nodes(most) => format!(", with {most} nodes of each unavailable"),
    };
    let detail = format!("rollout {id}: to {to}, in {regions}{tolerance}{origin}");
    attempt.done(office, &detail).await?;
    office.wake.leaders().await;
    let rollout = office.control.rollout(&id).await?;
    rollout
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("the rollout {id} is gone")))
}

/// Aborts the rollout if a collection that began before it has taken its
/// bundle.
async fn refuse_collected(office: &AdminState, new: &NewRollout, id: &str) -> Result<()> {
    let Some(digest) = new.digest else {
        return Ok(());
    };
    let record = office.control.bundle_record(digest).await?;
    if record.is_some_and(|record| !record.collected) {
        return Ok(());
    }
    let detail = format!("the bundle {digest} was collected meanwhile; add it again");
    if let Some(rollout) = office.control.rollout(id).await? {
        let moved = office
            .control
            .move_rollout(&rollout, Phase::Aborting, &detail);
        moved.await?;
        office.wake.leaders().await;
    }
    Err(ApiError::conflict(detail))
}

/// Returns the printable characters of a client's claim, shortened for the
/// audit.
fn plain(text: &str) -> String {
    let graphic = text.chars().filter(char::is_ascii_graphic);
    graphic.take(LONGEST_ORIGIN).collect()
}

async fn lead_on(
    office: &AdminState,
    attempt: &AuditedAction,
    rollout: Rollout,
    to: Phase,
) -> Result<Json<Rollout>> {
    let reason = match to {
        Phase::Aborting => format!("aborted by {}", attempt.author),
        _ => String::new(),
    };
    if !office.control.move_rollout(&rollout, to, &reason).await? {
        let detail = "the rollout went on meanwhile; look at it again";
        return Err(ApiError::conflict(detail));
    }
    attempt
        .done(office, &format!("rollout {}", rollout.id))
        .await?;
    office.wake.leaders().await;
    Ok(Json(Rollout {
        phase: to,
        reason,
        ..rollout
    }))
}

pub(super) async fn open(office: &AdminState, plugin: &str) -> Result<Rollout> {
    let rollout = office.control.open_rollout_of(plugin).await?;
    rollout.ok_or_else(|| ApiError::conflict(format!("no rollout of {plugin} goes on")))
}

pub(super) fn goes_on(other: &Rollout) -> ApiError {
    let (plugin, id, author) = (&other.plugin, &other.id, &other.author);
    ApiError::conflict(format!(
        "a rollout of {plugin} by {author} goes on ({id}, {}); wait for it, or abort it",
        other.phase
    ))
}

/// Returns the newest release with this version, or with a digest that begins
/// so.
pub(super) async fn named_release(office: &AdminState, plugin: &str, to: &str) -> Result<Digest> {
    let found = office.control.find_bundle(plugin, to).await?;
    found.ok_or_else(|| {
        ApiError::not_found(format!(
            "no release of {plugin} has the version or digest {to}"
        ))
    })
}

/// Returns the release that every one of these regions ran before its current
/// one. A rollout has one release, so regions that differ are an error, and the
/// operator names one.
async fn common_previous(office: &AdminState, plugin: &str, meant: &[&Entry]) -> Result<Digest> {
    let mut found = Vec::new();
    for head in meant {
        let (region, now) = (head.region.as_str(), head.desired.active);
        let before = office.control.previous_release(plugin, region, now).await?;
        found.push((region, before));
    }
    let before: BTreeSet<_> = found.iter().map(|(_, before)| *before).collect();
    if let (1, Some(Some(digest))) = (before.len(), before.first()) {
        return Ok(*digest);
    }
    if before.iter().all(Option::is_none) {
        let regions: Vec<_> = found.iter().map(|(region, _)| *region).collect();
        return Err(ApiError::conflict(format!(
            "region {} ran no other release of {plugin} before",
            regions.join(", ")
        )));
    }
    let mut list = Vec::new();
    for (region, digest) in found {
        list.push(format!("{region} {}", described(office, digest).await?));
    }
    Err(ApiError::conflict(format!(
        "the regions did not run the same release of {plugin} before: {}; name some of them with \
         --regions, or a release with --to",
        list.join(", ")
    )))
}

async fn described(office: &AdminState, digest: Option<Digest>) -> Result<String> {
    let Some(digest) = digest else {
        return Ok("none".to_owned());
    };
    let record = office.control.bundle_record(digest).await?;
    let version = record.map_or_else(String::new, |record| format!("{} ", record.version));
    Ok(format!("{version}({})", digest.short()))
}
