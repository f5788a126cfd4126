//! Lookup of a release by its version or digest.

use bundle::Digest;

use crate::admin::AdminState;
use crate::admin::error::{ApiError, Result};

/// Returns the newest release with this version, or with a digest that begins
/// so.
pub(in crate::admin) async fn named_release(
    state: &AdminState,
    plugin: &str,
    to: &str,
) -> Result<Digest> {
    let found = state.control.find_bundle(plugin, to).await?;
    found.ok_or_else(|| {
        ApiError::not_found(format!(
            "no release of {plugin} has the version or digest {to}"
        ))
    })
}
