//! Rate limits, enforced before a plugin is asked: the node's own, by client
//! address, and those of the plugins' manifests.

mod headers;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};

pub(super) use headers::seconds;

use bundle::manifest::Subject;
use stores::limiter::{Limiter, OnFailure, Policy, PolicyError, Verdict, body_field};

use super::reply::ErrorResponse;
use crate::address::client_key;
use crate::bindings::context::Caller;
use crate::config::Rate;
use crate::rollout::RouteLimit;

/// What the node's own limit is called in replies.
const DEFAULT: &str = "default";

/// Enforces rate limits.
pub struct RateLimits {
    limiter: Arc<Limiter>,
    /// For every client address, whatever it asks for.
    default: Option<Policy>,
}

/// What is known of a request that limits count.
#[derive(Clone, Copy)]
pub(super) struct RequestKey<'a> {
    pub(super) method: &'a Method,
    /// Without the mount, and decoded: a plugin may take an encoded letter for
    /// the letter.
    pub(super) path: &'a str,
    pub(super) client: IpAddr,
    pub(super) caller: &'a Caller,
}

/// What the limits have said of one request, for the headers of its reply.
#[derive(Default)]
pub(super) struct RateLimitHeaders(Vec<(String, Policy, Verdict)>);

impl RateLimits {
    /// Limits that `limiter` counts; `rate` is for every client address.
    ///
    /// # Errors
    /// When the rate makes no sense.
    pub fn new(limiter: Arc<Limiter>, rate: Option<Rate>) -> Result<Self, PolicyError> {
        let policy = |rate: Rate| Policy::new(DEFAULT, rate.quota, rate.window, rate.burst);
        let default = rate.map(policy).transpose()?;
        Ok(Self { limiter, default })
    }

    /// What counts.
    pub(super) fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Count the request against the node's own limit. Every node counts
    /// alone: this protects the node, and must cost no round trip.
    pub(super) fn count_client(
        &self,
        client: IpAddr,
        tally: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        let Some(policy) = &self.default else {
            return Ok(());
        };
        let verdict = self.limiter.check_here(policy, &client_key(client), 1);
        tally.add(policy.id(), policy, verdict)
    }

    /// Count the request against those of `limits` that need no body.
    pub(super) async fn count_head(
        &self,
        limits: &[RouteLimit],
        asked: RequestKey<'_>,
        tally: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        for limit in limits.iter().filter(|limit| matches(limit, asked)) {
            let key = match &limit.by {
                Subject::Address => client_key(asked.client),
                Subject::Principal => principal_key(asked),
                Subject::Field(_) => continue,
            };
            self.count(limit, asked, &key, tally).await?;
        }
        Ok(())
    }

    /// Count the request against those of `limits` that look into its body. A
    /// body without the field is not counted: the plugin refuses it.
    pub(super) async fn count_body(
        &self,
        limits: &[RouteLimit],
        asked: RequestKey<'_>,
        headers: &HeaderMap,
        body: &Bytes,
        tally: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        // As plugins get it: a parameter may hold any bytes.
        let content_type = headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        for limit in limits.iter().filter(|limit| matches(limit, asked)) {
            if let Subject::Field(name) = &limit.by
                && let Some(text) = body_field(content_type.as_deref(), body, name)
            {
                let key = text.trim().to_lowercase();
                self.count(limit, asked, &key, tally).await?;
            }
        }
        Ok(())
    }

    async fn count(
        &self,
        limit: &RouteLimit,
        asked: RequestKey<'_>,
        key: &str,
        tally: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        let on_failure = if asked.method.is_safe() {
            OnFailure::Open
        } else {
            OnFailure::Local
        };
        let verdict = self.limiter.check(&limit.policy, key, 1, on_failure).await;
        tally.add(&limit.name, &limit.policy, verdict)
    }
}

impl RateLimitHeaders {
    fn add(&mut self, name: &str, policy: &Policy, verdict: Verdict) -> Result<(), ErrorResponse> {
        self.0.push((name.to_owned(), policy.clone(), verdict));
        if verdict.allowed {
            return Ok(());
        }
        let status = StatusCode::TOO_MANY_REQUESTS;
        let refusal = ErrorResponse::host(status, "Too many requests. Please slow down.");
        Err(refusal.retry_after(verdict.retry_after))
    }

    /// Write what was counted on the reply.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers::write(&self.0, headers);
    }
}

fn matches(limit: &RouteLimit, asked: RequestKey<'_>) -> bool {
    (limit.methods.is_empty() || limit.methods.contains(asked.method))
        && crate::rollout::strip_prefix_ignoring_case(&limit.path, asked.path).is_some()
}

/// Who is not known is counted by address.
fn principal_key(asked: RequestKey<'_>) -> String {
    match asked.caller {
        Caller::Verified(principal) => format!("principal {}", principal.id),
        Caller::Anonymous | Caller::Rejected => client_key(asked.client),
    }
}
