//! Handler that accepts bundles.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use bundle::{Bundle, BundleError, Digest};

use super::AdminState;
use super::api::SIGNATURE;
use super::attempt::AuditedAction;
use super::auth::Actor;
use super::error::{ApiError, Result};
use crate::rollout::Source;
use crate::rollout::control::bundles::BundleRecord;

/// PUT `/v1/bundles/{digest}`: stores a bundle for a later rollout. Nothing of
/// it runs yet.
pub(super) async fn add(
    State(office): State<Arc<AdminState>>,
    Extension(Actor(author)): Extension<Actor>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<BundleRecord>> {
    let named = digest.parse::<Digest>().map_err(ApiError::bad_request)?;
    let mut attempt = AuditedAction::new(author, "add-bundle", "").of(named);
    let outcome = try_add(&office, &mut attempt, named, &headers, body).await;
    attempt.settle(&office, outcome).await
}

async fn try_add(
    office: &AdminState,
    attempt: &mut AuditedAction,
    named: Digest,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Json<BundleRecord>> {
    let signature = headers.get(SIGNATURE).map(|value| value.to_str());
    let signature = signature.transpose().map_err(ApiError::bad_request)?;
    let signature = signature.unwrap_or_default().trim();
    // Hashing and parsing a bundle of megabytes takes a while.
    let reading = async move { read(named, body) };
    let bundle = office.runtime.in_background(reading).await??;
    attempt.plugin.clone_from(&bundle.manifest.name);
    let trusted = office.activator.trusted();
    let plugin = &bundle.manifest.name;
    trusted
        .check(plugin, named, signature)
        .map_err(ApiError::unfit)?;
    let looking = async move { Source::of(bundle) };
    let looked = office.runtime.in_background(looking).await?;
    let source = looked.map_err(ApiError::unfit)?;
    keep(office, attempt, &source.bundle, signature).await?;
    let record = office.control.bundle_record(named).await?;
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
    office: &AdminState,
    attempt: &AuditedAction,
    bundle: &Bundle,
    signature: &str,
) -> Result<()> {
    let (control, digest) = (&office.control, bundle.digest());
    let known = control.bundle_record(digest).await?;
    if known.is_some() && control.mend_bundle(bundle).await? {
        attempt
            .done_as(office, "mend-bundle", &digest.to_string())
            .await?;
    }
    match known {
        None => {
            control
                .add_bundle(bundle, signature, &attempt.author)
                .await?;
            let (plugin, version) = (&bundle.manifest.name, &bundle.manifest.version);
            let detail = format!("{plugin}@{version} {digest}");
            attempt.done(office, &detail).await
        }
        Some(known) if !signature.is_empty() && known.signature != signature => {
            control.sign_bundle(digest, signature).await?;
            let detail = format!("{digest} {signature}");
            attempt.done_as(office, "sign-bundle", &detail).await
        }
        Some(_) => Ok(()),
    }
}
