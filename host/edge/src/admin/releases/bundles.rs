//! Handler that accepts bundles.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use bundle::{Bundle, BundleError, Digest};

use crate::admin::AdminState;
use crate::admin::api::SIGNATURE;
use crate::admin::audit::AuditedAction;
use crate::admin::error::{ApiError, Result};
use crate::admin::server::Actor;
use crate::rollout::Source;
use crate::rollout::control::bundles::BundleRecord;

/// PUT `/v1/bundles/{digest}`: stores a bundle for a later rollout. Nothing of
/// it runs yet.
pub(super) async fn add(
    State(state): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<BundleRecord>> {
    let named = digest.parse::<Digest>().map_err(ApiError::bad_request)?;
    let mut action = AuditedAction::new(author, "add-bundle", "").of(named);
    let outcome = try_add(&state, &mut action, named, &headers, body).await;
    action.record_refusal(&state, outcome).await
}

async fn try_add(
    state: &AdminState,
    action: &mut AuditedAction,
    named: Digest,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Json<BundleRecord>> {
    let signature = headers.get(SIGNATURE).map(|value| value.to_str());
    let signature = signature.transpose().map_err(ApiError::bad_request)?;
    let signature = signature.unwrap_or_default().trim();
    // Hashing and parsing a bundle of megabytes takes a while.
    let reading = async move { read(named, body) };
    let bundle = state.runtime.in_background(reading).await??;
    action.plugin.clone_from(&bundle.manifest.name);
    let trusted = state.activator.trusted();
    let plugin = &bundle.manifest.name;
    trusted
        .check(plugin, named, signature)
        .map_err(ApiError::unfit)?;
    let looking = async move { Source::of(bundle) };
    let looked = state.runtime.in_background(looking).await?;
    let source = looked.map_err(ApiError::unfit)?;
    keep(state, action, &source.bundle, signature).await?;
    let record = state.control.bundle_record(named).await?;
    record
        .map(Json)
        .ok_or_else(|| ApiError::not_found("the bundle was not kept"))
}

fn read(named: Digest, body: Bytes) -> Result<Bundle> {
    Bundle::parse_named(named, body).map_err(|error| match error {
        BundleError::OtherDigest { .. } => ApiError::bad_request(error),
        error => ApiError::unfit(error),
    })
}

/// Stores the bundle unless it is stored already and intact.
async fn keep(
    state: &AdminState,
    action: &AuditedAction,
    bundle: &Bundle,
    signature: &str,
) -> Result<()> {
    let (control, digest) = (&state.control, bundle.digest());
    let known = control.bundle_record(digest).await?;
    if known.is_some() && control.mend_bundle(bundle).await? {
        action
            .done_as(state, "mend-bundle", &digest.to_string())
            .await?;
    }
    match known {
        None => {
            control
                .add_bundle(bundle, signature, &action.author)
                .await?;
            let (plugin, version) = (&bundle.manifest.name, &bundle.manifest.version);
            let detail = format!("{plugin}@{version} {digest}");
            action.done(state, &detail).await
        }
        Some(known) if !signature.is_empty() && known.signature != signature => {
            control.sign_bundle(digest, signature).await?;
            let detail = format!("{digest} {signature}");
            action.done_as(state, "sign-bundle", &detail).await
        }
        Some(_) => Ok(()),
    }
}
