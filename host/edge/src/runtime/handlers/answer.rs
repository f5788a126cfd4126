//! Answers of plugins, and the checks of their header fields before they go to a client.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

use super::reserved;
use crate::bindings::handler::Failure;
use crate::guest::call::CallError;

/// Answer of a plugin to a request.
pub enum Answer {
    /// Response with its body, which may still be streaming.
    Response(http::Response<Body>),
    /// Refusal with a code and a message, which the host renders.
    Failure(Failure),
}

/// Response body: complete, or streamed by a component with a `wasi:http` handler.
pub type Body = http_body_util::Either<Full<Bytes>, UnsyncBoxBody<Bytes, BodyError>>;

/// Error of a streamed body that ended early.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum size of all header fields of one reply in bytes, and the bytes counted for each field
/// besides its name and value, as in HTTP/2.
const MAX_FIELDS_BYTES: usize = 64 << 10;
const FIELD_OVERHEAD: usize = 32;

/// Converts a guest's header fields to HTTP's, those of a failure too. Fields that only the host
/// may set are left out.
///
/// # Errors
/// Returns an error if a name or value is not allowed in HTTP, or if the fields are too large in
/// total.
pub(crate) fn headers(
    headers: Vec<(String, String)>,
) -> Result<Vec<(HeaderName, HeaderValue)>, CallError> {
    let size = |(name, value): &(String, String)| name.len() + value.len() + FIELD_OVERHEAD;
    if headers.iter().map(size).sum::<usize>() > MAX_FIELDS_BYTES {
        let most = format!("more than {MAX_FIELDS_BYTES} bytes of header fields");
        return Err(CallError::InvalidReply(most));
    }
    let mut checked = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let invalid = || CallError::InvalidReply(format!("header {name:?} with value {value:?}"));
        let field = HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
        let text = HeaderValue::try_from(value.as_str()).map_err(|_| invalid())?;
        if !reserved::is_reserved(&field, &text) {
            checked.push((field, text));
        }
    }
    Ok(checked)
}
