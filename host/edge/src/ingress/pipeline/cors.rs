//! Cross-origin resource sharing (CORS, in the Fetch standard) for pages of other origins.
//!
//! The layer of `tower-http` treats every `OPTIONS` as a preflight, but plugins answer the others.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};

use crate::config::{self, Origins};
use crate::runtime::Body;

/// Header fields of replies that pages may read, besides those that the standard allows.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "edge-release, edge-request-id, idempotent-replayed, link, location, ratelimit, ratelimit-policy, retry-after",
);

const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// CORS settings as header values.
pub(super) struct Cors {
    origins: Origins,
    credentials: bool,
    methods: HeaderValue,
    headers: HeaderValue,
    max_age: HeaderValue,
}

impl Cors {
    pub(super) fn new(settings: &config::Cors) -> Self {
        let methods: Vec<_> = settings.methods.iter().map(Method::as_str).collect();
        let headers: Vec<_> = settings.headers.iter().map(HeaderName::as_str).collect();
        Self {
            origins: settings.origins.clone(),
            credentials: settings.credentials,
            methods: list(&methods),
            headers: list(&headers),
            max_age: settings.max_age.as_secs().into(),
        }
    }

    /// Returns the value of `Access-Control-Allow-Origin` for the page that sent `request`; `None`
    /// if there is no page or its origin is not allowed.
    pub(super) fn allowed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(ORIGIN)?;
        match &self.origins {
            Origins::Any => Some(ANY),
            Origins::These(origins) => origins.contains(origin).then(|| origin.clone()),
        }
    }

    /// Sets the header fields that let a page of `allowed_origin` read the reply.
    pub(super) fn write(&self, allowed_origin: Option<&HeaderValue>, reply: &mut HeaderMap) {
        // Caches must not give the reply for one origin to another.
        if self.origins != Origins::Any {
            reply.append(VARY, BY_ORIGIN);
        }
        // CORS header fields that a plugin sets are removed before.
        let Some(origin) = allowed_origin else {
            return;
        };
        reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            reply.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    /// Returns the reply to a preflight request (see [`is_preflight`]), with the methods and header
    /// fields that a page of `allowed_origin` may use.
    pub(super) fn preflight(&self, allowed_origin: Option<&HeaderValue>) -> Response<Body> {
        let mut reply = Response::new(Either::Left(Full::default()));
        *reply.status_mut() = StatusCode::NO_CONTENT;
        if allowed_origin.is_some() {
            let headers = reply.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        reply
    }
}

/// Returns whether a request is a CORS preflight.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn list(names: &[&str]) -> HeaderValue {
    // Names of methods and header fields are plain ASCII, so the text is always a valid value.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
