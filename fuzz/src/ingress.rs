//! How the host finds a field that a rate limit counts.

#[path = "../../host/src/ingress/limits/fields.rs"]
mod fields;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The field that the host counts of a body of this type; `None` if there is
/// none, or the type is no header's value.
pub fn counted(content_type: &str, body: &[u8], name: &str) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, content_type.parse().ok()?);
    fields::field(&headers, &Bytes::copy_from_slice(body), name)
}
