//! Taking bundles in.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;

use super::Office;
use super::api::SIGNATURE;
use super::auth::Author;
use super::error::{Refusal, Result};
use crate::rollout::Source;
use crate::rollout::bundle::{Bundle, Digest};
use crate::rollout::control::bundles::BundleRecord;

/// PUT `/v1/bundles/{digest}`: keep a bundle for a later rollout. Nothing runs
/// of it yet.
pub(super) async fn add(
    State(office): State<Arc<Office>>,
    Extension(Author(author)): Extension<Author>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<BundleRecord>> {
    let named: Digest = digest.parse().map_err(Refusal::bad_request)?;
    let signature = headers.get(SIGNATURE).map(|value| value.to_str());
    let signature = signature.transpose().map_err(Refusal::bad_request)?;
    let signature = signature.unwrap_or_default().trim();
    let found = Digest::of(&body);
    if found != named {
        let detail = format!("the bundle's digest is {found}, not {named}: it was cut or changed");
        return Err(Refusal::bad_request(detail));
    }
    let bundle = Bundle::parse(body).map_err(Refusal::unfit)?;
    let trusted = office.activator.trusted();
    trusted.check(found, signature).map_err(Refusal::unfit)?;
    let source = Source::of(bundle).map_err(Refusal::unfit)?;

    let bundle = &source.bundle;
    let known = office.control.bundle_record(found).await?;
    if let Some(known) = &known
        && !signature.is_empty()
        && known.signature != signature
    {
        let (plugin, detail) = (&known.plugin, format!("{found} {signature}"));
        office.control.sign_bundle(found, signature).await?;
        office
            .control
            .audit(&author, "sign-bundle", plugin, &detail)
            .await?;
    }
    if known.is_none() {
        office
            .control
            .add_bundle(bundle, signature, &author)
            .await?;
        let (plugin, version) = (&bundle.manifest.name, &bundle.manifest.version);
        let detail = format!("{plugin}@{version} {found}");
        office
            .control
            .audit(&author, "add-bundle", plugin, &detail)
            .await?;
    }
    let record = office.control.bundle_record(found).await?;
    record
        .map(Json)
        .ok_or_else(|| Refusal::not_found("the bundle was not kept"))
}
