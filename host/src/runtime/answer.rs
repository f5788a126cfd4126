//! What a plugin answers, and what of it may go to a client.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

use super::call::CallError;
use crate::bindings::handler::Failure;

/// What a plugin answered.
pub enum Answer {
    /// A response with its body, which may still be running.
    Response(http::Response<Body>),
    /// A refusal for the host to render.
    Failure(Failure),
}

/// A body on its way to a client: whole, or streamed by a standard component.
pub type Body = http_body_util::Either<Full<Bytes>, UnsyncBoxBody<Bytes, BodyError>>;

/// A streamed body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The guest's headers as HTTP's; also used for those of a failure. Fields
/// that belong to the connection are left out.
///
/// # Errors
/// When a name or value is not allowed in HTTP.
pub(crate) fn headers(
    headers: Vec<(String, String)>,
) -> Result<Vec<(HeaderName, HeaderValue)>, CallError> {
    let mut checked = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let invalid = || CallError::InvalidReply(format!("header {name:?} with value {value:?}"));
        let field = HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
        let text = HeaderValue::try_from(value.as_str()).map_err(|_| invalid())?;
        if !is_the_connections(&field) {
            checked.push((field, text));
        }
    }
    Ok(checked)
}

/// Whether a field belongs to the connection, which is the host's: a guest's
/// wrong `content-length` would cut the next reply in two.
pub(super) fn is_the_connections(field: &HeaderName) -> bool {
    use http::header::{CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    [
        CONNECTION,
        CONTENT_LENGTH,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ]
    .contains(field)
        || field.as_str() == "keep-alive"
}
