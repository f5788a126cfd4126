//! Replies that the host writes itself: the error envelope, or problem details (RFC 9457) for a
//! client that accepts those.

use std::cmp::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;

use crate::bindings::handler::Failure;
use crate::guest::CallError;
use crate::runtime::Body;
use crate::telemetry::RefusalReason;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Header field of every reply with the request's id, by which its log lines are found.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("edge-request-id");

/// Bits that make the first hexadecimal digit of a request id one of c to f.
const LETTER: u64 = 0xc << 60;

/// Returns a new request id, for logs, traces and replies: 16 hexadecimal digits, of which the
/// first is a letter. Without the letter, a scanner of logs would take one id in a hundred thousand
/// for a card number.
pub(super) fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>() | LETTER)
}

/// Prefix of the platform's own error codes. Replies with such a code carry the request's id, so
/// that a client's report leads to the log.
const HOST_CODES: &str = "HTTP_";

/// An error response before it is encoded.
#[derive(Debug)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    code: String,
    message: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    reason: RefusalReason,
}

impl ErrorResponse {
    /// Returns the platform's own error response with `status`.
    pub(super) fn host(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            code: format!("{HOST_CODES}{}", status.as_u16()),
            message: message.to_owned(),
            field: None,
            headers: Vec::new(),
            reason: RefusalReason::of_status(status),
        }
    }

    /// Returns the reason, for metrics.
    pub(super) fn reason(&self) -> RefusalReason {
        self.reason
    }

    pub(super) fn not_found() -> Self {
        Self::host(StatusCode::NOT_FOUND, "Endpoint not found.")
    }

    /// Returns a 503 with `Retry-After`, for a request that `reason` refuses and that may succeed a
    /// moment later.
    pub(super) fn unavailable(reason: RefusalReason) -> Self {
        let message = "The service is busy. Please try again.";
        let refusal = Self::host(StatusCode::SERVICE_UNAVAILABLE, message)
            .with(RETRY_AFTER, HeaderValue::from_static("1"));
        Self { reason, ..refusal }
    }

    /// Returns the response as the last one of its connection, since the rest of the request is not
    /// read. hyper leaves the field out of HTTP/2.
    pub(super) fn closing(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// Returns the response with one more header field.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the response with a `Retry-After` of `time`, rounded up to at least one second.
    pub(super) fn retry_after(self, time: Duration) -> Self {
        self.with(RETRY_AFTER, seconds(time).max(1).into())
    }

    /// Returns the response to a call that got no answer from its plugin. The message does not
    /// reveal the cause.
    pub(super) fn of_call(error: &CallError) -> Self {
        match error {
            CallError::Busy => Self::unavailable(RefusalReason::Overload),
            CallError::QueueTimeout => Self::unavailable(RefusalReason::QueueTimeout),
            CallError::Service(_) => Self::unavailable(RefusalReason::CallFailed),
            CallError::Deadline | CallError::CpuTime => {
                Self::host(StatusCode::GATEWAY_TIMEOUT, "The service took too long.")
            }
            _ => Self::host(StatusCode::INTERNAL_SERVER_ERROR, "The service failed."),
        }
    }

    /// Converts an error that a plugin returned.
    ///
    /// # Errors
    /// When its status or a header is not allowed in HTTP.
    pub(super) fn of_plugin(failure: Failure) -> Result<Self, CallError> {
        let status = StatusCode::from_u16(failure.status)
            .ok()
            .filter(|status| status.is_client_error() || status.is_server_error())
            .ok_or_else(|| {
                CallError::InvalidReply(format!("failure with status {}", failure.status))
            })?;
        Ok(Self {
            status,
            code: failure.code,
            message: failure.message,
            field: failure.field,
            headers: crate::runtime::headers(failure.headers)?,
            reason: RefusalReason::of_plugin(status),
        })
    }

    /// Encodes the response in the form that the request's header fields `accept` ask for.
    pub(super) fn into_response(self, accept: &HeaderMap, request_id: &str) -> Response<Body> {
        let (content_type, body) = if accepts_problem(accept) {
            (PROBLEM, self.problem(request_id))
        } else {
            (JSON, self.envelope(request_id))
        };
        let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    /// Returns the error envelope as JSON. A path without a route has a shorter one.
    pub(super) fn envelope(&self, request_id: &str) -> Vec<u8> {
        if self.status == StatusCode::NOT_FOUND && self.is_hosts() {
            return to_json(&NotFound {
                message: &self.message,
            });
        }
        to_json(&Envelope {
            error: ErrorBody {
                status: self.status.as_u16(),
                code: &self.code,
                message: &self.message,
                field: self.field.as_deref(),
                request_id: self.is_hosts().then_some(request_id),
            },
        })
    }

    fn problem(&self, request_id: &str) -> Vec<u8> {
        to_json(&Problem {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.message,
            code: &self.code,
            field: self.field.as_deref(),
            request_id: self.is_hosts().then_some(request_id),
        })
    }

    /// Returns whether the response is the platform's own, by the prefix of its code.
    pub(super) fn is_hosts(&self) -> bool {
        self.code.starts_with(HOST_CODES)
    }
}

#[derive(Serialize)]
struct NotFound<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Structs of texts and numbers always serialize.
    serde_json::to_vec(value).unwrap_or_default()
}

fn accepts_problem(headers: &HeaderMap) -> bool {
    let preference = |name: &str| {
        let values = headers.get_all(ACCEPT).iter();
        let ranges = values.filter_map(|accept| accept.to_str().ok());
        let ranges = ranges.flat_map(|accept| accept.split(','));
        let mut ranges = ranges
            .map(|range| range.split(';').map(str::trim))
            .enumerate();
        ranges.find_map(|(place, mut parts)| {
            let is_named = parts.next()?.eq_ignore_ascii_case(name);
            is_named.then(|| (quality(parts), place))
        })
    };
    let Some((quality, place)) = preference("application/problem+json") else {
        return false;
    };
    let is_preferred = match preference("application/json") {
        None => true,
        Some((other, others_place)) => match quality.total_cmp(&other) {
            Ordering::Greater => true,
            // Generated clients accept both forms, in the order of their OpenAPI documents.
            Ordering::Equal => place < others_place,
            Ordering::Less => false,
        },
    };
    quality > 0.0 && is_preferred
}

/// Returns the weight (RFC 9110 section 12.4.2) among the parameters of a media range.
fn quality<'p>(parameters: impl Iterator<Item = &'p str>) -> f32 {
    let weights = parameters.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_weight = name.trim().eq_ignore_ascii_case("q");
        is_weight.then(|| value.trim().parse().unwrap_or(0.0))
    });
    weights.last().unwrap_or(1.0)
}

/// Returns a time in whole seconds, rounded up.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_a_number() {
        for _ in 0..1000 {
            let id = new_id();
            assert_eq!(id.len(), 16, "{id}");
            assert!(id.starts_with(|c| ('c'..='f').contains(&c)), "{id}");
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn the_hosts_refusals_carry_the_request_id_and_plugins_do_not() {
        let own = ErrorResponse::host(StatusCode::PAYLOAD_TOO_LARGE, "Too large.");
        assert_eq!(
            text(own.envelope("r1")),
            r#"{"error":{"status":413,"code":"HTTP_413","message":"Too large.","request_id":"r1"}}"#
        );
        let failure = Failure {
            status: 400,
            code: "USR_05".into(),
            message: "The email doesn't exist.".into(),
            field: Some("email".into()),
            headers: vec![],
        };
        let plugins = ErrorResponse::of_plugin(failure).expect("valid");
        assert_eq!(
            text(plugins.envelope("r1")),
            r#"{"error":{"status":400,"code":"USR_05","message":"The email doesn't exist.","field":"email"}}"#
        );
        assert_eq!(
            text(ErrorResponse::not_found().envelope("r1")),
            r#"{"message":"Endpoint not found."}"#
        );
    }

    #[test]
    fn the_form_that_a_client_prefers_is_sent() {
        for (accept, is_problem) in [
            ("application/problem+json", true),
            ("text/html, Application/Problem+JSON", true),
            ("application/problem+json, application/json", true),
            ("application/json;q=0.5, application/problem+json", true),
            ("application/problem+json, */*;q=0.1", true),
            ("application/json, application/problem+json", false),
            ("application/json,application/problem+json;q=0.9", false),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=x", false),
            ("application/json", false),
            ("*/*", false),
        ] {
            let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepts_problem(&accept), is_problem, "{accept:?}");
        }
    }

    #[test]
    fn problem_details_on_request() {
        let mut accept = HeaderMap::new();
        accept.insert(
            ACCEPT,
            HeaderValue::from_static("text/html, application/problem+json"),
        );
        let response = ErrorResponse::not_found().into_response(&accept, "r1");
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM);
    }

    #[test]
    fn an_error_reads_alike_in_both_forms() {
        let failure = Failure {
            status: 400,
            code: "USR_02".into(),
            message: "The field is empty.".into(),
            field: Some("email".into()),
            headers: vec![],
        };
        let plugins = ErrorResponse::of_plugin(failure).expect("valid");
        let hosts = ErrorResponse::unavailable(RefusalReason::Overload);
        let forms = [plugins, hosts].map(|error| {
            let (envelope, problem) = (error.envelope("c0ffee"), error.problem("c0ffee"));
            format!("{}\n{}\n", text(envelope), text(problem))
        });
        insta::assert_snapshot!(forms.concat());
    }
}
