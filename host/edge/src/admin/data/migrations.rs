//! Handlers that run, plan and list migrations.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use bundle::Digest;
use serde::Deserialize;

use crate::admin::AdminState;
use crate::admin::api::{Migrate, Migrating, MigrationPlan, PlannedStatement};
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::page_query::PageQuery;
use crate::admin::server::Actor;
use crate::rollout::control::bundles::BundleRecord;
use crate::rollout::control::migrations::MigrationRun;

/// Default number of runs in a reply.
const DEFAULT_LIMIT: u32 = 50;

/// POST `/v1/migrations`: starts a run of a release's pending migrations, which
/// continues in the background.
pub(super) async fn begin(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Json(order): Json<Migrate>,
) -> Result<Json<Migrating>> {
    let mut action = AuditedAction::new(author, "migrate", "").of(order.digest);
    let outcome = try_begin(&state, &mut action, order.digest).await;
    action.record_refusal(&state, outcome).await
}

async fn try_begin(
    state: &AdminState,
    action: &mut AuditedAction,
    digest: Digest,
) -> Result<Json<Migrating>> {
    let record = record(state, digest).await?;
    action.plugin.clone_from(&record.plugin);
    let bundle = state.activator.check(&record.plugin, digest).await?;
    let migrator = state.activator.migrator();
    let run = migrator.begin(&bundle, &action.author).await?;
    if let Some(run) = &run {
        let detail = format!(
            "run {}: {}@{} {digest}, {} statements, on node {}, in {}",
            run.id, run.plugin, run.version, run.statements, run.node, run.database
        );
        action.done(state, &detail).await?;
        state.notifier.everywhere().await;
    }
    Ok(Json(Migrating { run }))
}

/// Query parameter that names a release.
#[derive(Debug, Deserialize)]
pub(super) struct OfRelease {
    digest: Digest,
}

/// GET `/v1/migrations/plan`: returns the statements that would run, each of
/// which is checked.
pub(super) async fn plan(
    State(state): State<Arc<AdminState>>,
    Query(OfRelease { digest }): Query<OfRelease>,
) -> Result<Json<MigrationPlan>> {
    let record = record(&state, digest).await?;
    let (bundle, _) = state.control.bundle(digest).await?;
    let plan = state.activator.migrator().plan(&bundle).await?;
    let statements = plan.listed().into_iter().map(|statement| PlannedStatement {
        file: statement.file,
        text: statement.text,
        is_done: statement.is_done,
        is_in_doubt: statement.is_in_doubt,
    });
    Ok(Json(MigrationPlan {
        digest,
        plugin: record.plugin,
        version: record.version,
        statements: statements.collect(),
    }))
}

/// Query parameters that select runs.
#[derive(Debug, Deserialize)]
pub(super) struct Runs {
    /// Only runs of this plugin; all runs when absent.
    plugin: Option<String>,
}

/// GET `/v1/migrations`: returns a page of the runs, newest first.
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    Query(Runs { plugin }): Query<Runs>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Vec<MigrationRun>>> {
    let page = query.page(DEFAULT_LIMIT)?;
    Ok(Json(state.control.runs(plugin.as_deref(), &page).await?))
}

/// GET `/v1/migrations/{id}`: returns one run.
pub(super) async fn show(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Json<MigrationRun>> {
    let run = state.control.run(&id).await?;
    run.map(Json)
        .ok_or_else(|| ApiError::not_found(format!("there is no run of migrations {id}")))
}

async fn record(state: &AdminState, digest: Digest) -> Result<BundleRecord> {
    let record = state.control.bundle_record(digest).await?;
    record.ok_or_else(|| ApiError::not_found(format!("there is no bundle {digest}; add it first")))
}
