//! What a plugin answers, and what of it may go to a client.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

use super::reserved;
use crate::bindings::handler::Failure;
use crate::guest::call::CallError;

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

/// Bytes of all header fields of one reply, and what each of them takes
/// besides, as HTTP/2 counts it.
const MOST_FIELDS: usize = 64 << 10;
const FIELD: usize = 32;

/// The guest's headers as HTTP's; also used for those of a failure. Fields
/// that are the host's to write are left out.
///
/// # Errors
/// When a name or value is not allowed in HTTP, or they are too many.
pub(crate) fn headers(
    headers: Vec<(String, String)>,
) -> Result<Vec<(HeaderName, HeaderValue)>, CallError> {
    let size = |(name, value): &(String, String)| name.len() + value.len() + FIELD;
    if headers.iter().map(size).sum::<usize>() > MOST_FIELDS {
        let most = format!("more than {MOST_FIELDS} bytes of header fields");
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
