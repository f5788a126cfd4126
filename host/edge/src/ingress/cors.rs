//! What browsers let pages of other origins do (the Fetch standard, CORS).
//!
//! `tower-http` has the same as a layer, but it takes every `OPTIONS` for a
//! browser's question, and plugins answer those.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};

use crate::config::{self, Origins};
use crate::runtime::Body;

/// What pages may read of a reply, besides what the standard lets them.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "edge-release, edge-request-id, idempotent-replayed, link, location, ratelimit, ratelimit-policy, retry-after",
);

const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// What of the settings goes into replies, ready to be sent.
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

    /// The page that sends the request, if it may.
    pub(super) fn page(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(ORIGIN)?;
        match &self.origins {
            Origins::Any => Some(ANY),
            Origins::These(origins) => origins.contains(origin).then(|| origin.clone()),
        }
    }

    /// Let `page` read the reply; nothing for a page that may not.
    pub(super) fn write(&self, page: Option<HeaderValue>, reply: &mut HeaderMap) {
        // Caches must not give one page's reply to another.
        if self.origins != Origins::Any {
            reply.append(VARY, BY_ORIGIN);
        }
        // A plugin's own fields of this kind never come here.
        let Some(page) = page else { return };
        reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        if self.credentials {
            reply.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    /// The reply to a question that [`is_preflight`]: which requests `page`
    /// may send.
    pub(super) fn preflight(&self, page: Option<&HeaderValue>) -> Response<Body> {
        let mut reply = Response::new(Either::Left(Full::default()));
        *reply.status_mut() = StatusCode::NO_CONTENT;
        if page.is_some() {
            let headers = reply.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        }
        reply
    }
}

/// Whether a browser asks on behalf of a page what that page may send.
pub(super) fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn list(names: &[&str]) -> HeaderValue {
    // Names of methods and fields are plain, so this always is a value.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
