//! Facts of a request that its reply, its access log line and its span need after a plugin has
//! taken the request itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};

use super::client_address::client_address;
use super::limits::RateLimitHeaders;
use crate::config::TrustedProxies;
use crate::guest::Ledger;
use crate::identity::CREDENTIALS;
use crate::ingress::error_response::new_id;
use crate::reply_cache::Outcome;
use crate::telemetry::traces::Span;

/// A request that is being answered.
pub(super) struct Exchange {
    pub(super) request_id: String,
    pub(super) began: Instant,
    pub(super) method: Method,
    /// Target as the plugin gets it, without the mount prefix.
    pub(super) uri: Uri,
    pub(super) client: IpAddr,
    /// Header fields of the request that negotiate the form of the reply.
    pub(super) accept: HeaderMap,
    /// True if the request carries credentials, valid or not.
    pub(super) shows_credentials: bool,
    /// Value of `Access-Control-Allow-Origin` in the reply; `None` without CORS, or for a page that
    /// may not read it.
    pub(super) allowed_origin: Option<HeaderValue>,
    /// Verdicts of the rate limits that have counted the request.
    pub(super) rate_limits: RateLimitHeaders,
    /// Effects of the request.
    pub(super) ledger: Arc<Ledger>,
    /// What the reply cache did; `None` for a route that is not cached.
    pub(super) cache: Option<Outcome>,
    /// Values of `If-None-Match`, for a route that is cached.
    pub(super) conditions: Vec<HeaderValue>,
    /// Span of the request; `None` without a collector of traces.
    pub(super) span: Option<Span>,
}

impl Exchange {
    /// Returns the facts of `request`, which came from the address `peer`.
    pub(super) fn new<B>(request: &Request<B>, peer: IpAddr, proxies: &TrustedProxies) -> Self {
        let headers = request.headers();
        Self {
            request_id: new_id(),
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            client: client_address(proxies, peer, headers),
            accept: negotiation(headers),
            shows_credentials: shows_credentials(headers),
            allowed_origin: None,
            rate_limits: RateLimitHeaders::default(),
            ledger: Arc::default(),
            cache: None,
            conditions: Vec::new(),
            span: None,
        }
    }

    /// Returns whether the request may be answered with slightly stale data: it only reads and has
    /// no credentials, so its client cannot miss its own writes.
    pub(super) fn may_be_stale(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.method) && !self.shows_credentials
    }
}

fn negotiation(headers: &HeaderMap) -> HeaderMap {
    let mut accept = HeaderMap::new();
    for name in [ACCEPT, ACCEPT_ENCODING] {
        for value in headers.get_all(&name) {
            accept.append(name.clone(), value.clone());
        }
    }
    accept
}

fn shows_credentials(headers: &HeaderMap) -> bool {
    CREDENTIALS.iter().any(|field| headers.contains_key(field))
}
