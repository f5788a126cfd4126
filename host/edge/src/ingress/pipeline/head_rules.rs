//! Rules for the head of a request, checked before any plugin gets it.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderValue};
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};

use crate::config::ClientLimits;
use crate::framing;
use crate::ingress::error_response::ErrorResponse;

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

/// Bytes of a header field on the wire besides its name and value: colon, space, CR and LF.
const FIELD_OVERHEAD: usize = 4;

/// Checks method, target and header fields. Without a route, no method is refused except CONNECT,
/// whose target has no path.
///
/// # Errors
/// The response to the first rule that the request breaks.
pub(super) fn check_head<B>(
    request: &Request<B>,
    limits: &ClientLimits,
    is_routed: bool,
) -> Result<(), ErrorResponse> {
    check_transfer_coding(request.headers())?;
    check_target_length(request.uri(), limits)?;
    check_fields_length(request.headers(), limits)?;
    check_method(request.method(), is_routed)?;
    check_target_form(request.uri())?;
    check_content_coding(request.headers())?;
    check_host(request)
}

/// Refuses framing that two servers in a row could read differently. The status is 400 and not 501,
/// so that no client can make a node look as if it had failed.
fn check_transfer_coding(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    if framing::is_plain(headers) {
        return Ok(());
    }
    let refusal = refuse(
        StatusCode::BAD_REQUEST,
        "The transfer coding is not supported.",
    );
    Err(refusal.closing())
}

fn check_target_length(uri: &Uri, limits: &ClientLimits) -> Result<(), ErrorResponse> {
    let length = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if length > limits.max_uri {
        return Err(refuse(
            StatusCode::URI_TOO_LONG,
            "The request target is too long.",
        ));
    }
    Ok(())
}

fn check_fields_length(headers: &HeaderMap, limits: &ClientLimits) -> Result<(), ErrorResponse> {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD);
    if lengths.sum::<usize>() > limits.max_headers {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(refuse(status, "The header fields are too large."));
    }
    Ok(())
}

fn check_method(method: &Method, is_routed: bool) -> Result<(), ErrorResponse> {
    if METHODS.contains(method) || (!is_routed && method != Method::CONNECT) {
        return Ok(());
    }
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Err(refuse(status, "The method is not supported."))
}

/// Refuses targets that are neither a path nor an absolute URI of HTTP or HTTPS: by RFC 9112 section
/// 3.2.3, a host alone is a target of CONNECT only. `://shop` has an empty scheme.
fn check_target_form(uri: &Uri) -> Result<(), ErrorResponse> {
    let is_web = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
    let is_absolute = uri.scheme().is_some_and(is_web);
    let is_path = uri.scheme().is_none() && uri.authority().is_none();
    if is_absolute || is_path {
        return Ok(());
    }
    Err(refuse(
        StatusCode::BAD_REQUEST,
        "The request target is malformed.",
    ))
}

/// Refuses encoded bodies: body limits count bytes as sent, and plugins accept no body that
/// decompresses into more (RFC 9110 section 15.5.16).
fn check_content_coding(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    if headers.get(CONTENT_ENCODING).is_none_or(is_identity) {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(refuse(status, "The body must not be encoded.")
        .with(ACCEPT_ENCODING, IDENTITY)
        .closing())
}

/// Returns whether a body is not encoded. Names of codings are case-insensitive (RFC 9110 section
/// 8.4.1), and an empty field names none.
fn is_identity(coding: &HeaderValue) -> bool {
    let coding = coding.as_bytes().trim_ascii();
    coding.is_empty() || coding.eq_ignore_ascii_case(IDENTITY.as_bytes())
}

/// Refuses more than one `Host`, and none in HTTP/1.1 (RFC 9112 section 3.2); in HTTP/2 the
/// authority takes its place.
fn check_host<B>(request: &Request<B>) -> Result<(), ErrorResponse> {
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts == 1 || (hosts == 0 && request.version() != Version::HTTP_11) {
        return Ok(());
    }
    Err(refuse(
        StatusCode::BAD_REQUEST,
        "Exactly one Host field is needed.",
    ))
}

fn refuse(status: StatusCode, message: &str) -> ErrorResponse {
    ErrorResponse::host(status, message)
}
