//! The body of a request, read whole before its plugin is called.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::ingress::error_response::ErrorResponse;

/// Reads the whole body, of up to `max_bytes`, until `deadline` or for up to `timeout`, whichever
/// ends first.
///
/// # Errors
/// The response to a body that is too large or too slow, or that breaks off.
pub(super) async fn read_body(
    request: Request<Incoming>,
    max_bytes: u64,
    timeout: Duration,
    deadline: Instant,
) -> Result<Request<Bytes>, ErrorResponse> {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(head, Bytes::new()));
    }
    if content_length(&head.headers).is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let deadline = deadline.min(Instant::now() + timeout);
    // The future is boxed, so that requests without a body do not carry its state.
    let body = Box::pin(collect(body, max_bytes, deadline)).await?;
    Ok(Request::from_parts(head, body))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(
    body: Incoming,
    max_bytes: u64,
    deadline: Instant,
) -> Result<Bytes, ErrorResponse> {
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let collected = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout_at(deadline.into(), collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ErrorResponse::host(
            StatusCode::BAD_REQUEST,
            "The body is malformed or broke off.",
        )),
        Err(_) => Err(ErrorResponse::host(
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long.",
        )),
    }
}

fn too_large() -> ErrorResponse {
    ErrorResponse::host(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.")
}
