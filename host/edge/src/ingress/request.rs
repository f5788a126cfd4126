//! Checks of a request before any plugin gets it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Version};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::reply::ErrorResponse;
use crate::config::ClientLimits;
use crate::framing;

/// Methods that the host passes to plugins. The router in the plugin decides which of them a path
/// supports.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Checks method, target and header fields. Without a route, no method is refused except CONNECT,
/// whose target has no path.
pub(super) fn check_head<B>(
    request: &Request<B>,
    limits: &ClientLimits,
    is_routed: bool,
) -> Result<(), ErrorResponse> {
    // The status is 400 and not 501, so that no client can make a node look as if it had failed.
    if !framing::is_plain(request.headers()) {
        return Err(ErrorResponse::host(
            StatusCode::BAD_REQUEST,
            "The transfer coding is not supported.",
        )
        .closing());
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.max_uri {
        return Err(ErrorResponse::host(
            StatusCode::URI_TOO_LONG,
            "The request target is too long.",
        ));
    }
    let headers = request.headers();
    // The 4 bytes are colon, space, CR and LF, as on the wire.
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes > limits.max_headers {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(ErrorResponse::host(
            status,
            "The header fields are too large.",
        ));
    }
    let method = request.method();
    if !METHODS.contains(method) && (is_routed || method == Method::CONNECT) {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(ErrorResponse::host(status, "The method is not supported."));
    }
    // RFC 9112 section 3.2.3: a host alone is a target of CONNECT only. Absolute targets of schemes
    // other than HTTP and HTTPS are refused too; `://shop` has an empty scheme.
    let uri = request.uri();
    let is_web = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
    let is_absolute = uri.scheme().is_some_and(is_web);
    if !is_absolute && (uri.scheme().is_some() || uri.authority().is_some()) {
        return Err(ErrorResponse::host(
            StatusCode::BAD_REQUEST,
            "The request target is malformed.",
        ));
    }
    // Body limits count bytes as sent, and plugins accept no body that decompresses into more (RFC
    // 9110 section 15.5.16).
    let coding = headers.get(CONTENT_ENCODING);
    if coding.is_some_and(|coding| !is_identity(coding)) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ErrorResponse::host(status, "The body must not be encoded.")
            .with(ACCEPT_ENCODING, IDENTITY)
            .closing());
    }
    // RFC 9112 section 3.2; in HTTP/2 the authority takes the place of `Host`.
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(ErrorResponse::host(
            StatusCode::BAD_REQUEST,
            "Exactly one Host field is needed.",
        ));
    }
    Ok(())
}

/// Returns whether a body is not encoded. Names of codings are case-insensitive (RFC 9110 section
/// 8.4.1), and an empty field names none.
fn is_identity(coding: &HeaderValue) -> bool {
    let coding = coding.as_bytes().trim_ascii();
    coding.is_empty() || coding.eq_ignore_ascii_case(IDENTITY.as_bytes())
}

/// Reads the whole body, of up to `most` bytes, until `deadline` or for up to `patience`, whichever
/// ends first.
pub(super) async fn read_body(
    request: Request<Incoming>,
    most: u64,
    patience: Duration,
    deadline: Instant,
) -> Result<Request<Bytes>, ErrorResponse> {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(head, Bytes::new()));
    }
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > most)
    {
        return Err(too_large());
    }
    let until = deadline.min(Instant::now() + patience);
    // The future is boxed, so that requests without a body do not carry its state.
    let body = Box::pin(collect(body, most, until)).await?;
    Ok(Request::from_parts(head, body))
}

async fn collect(body: Incoming, most: u64, until: Instant) -> Result<Bytes, ErrorResponse> {
    let collected = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect();
    match tokio::time::timeout_at(until.into(), collected).await {
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
