//! Rate limits that are enforced before a plugin is called: the node's own limit by client address,
//! and those of the plugins' manifests.

mod headers;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};

use bundle::manifest::Subject;
use stores::limiter::{Limiter, OnFailure, Policy, PolicyError, Verdict, body_field};

use crate::address::client_key;
use crate::bindings::context::Caller;
use crate::config::Rate;
use crate::ingress::error_response::ErrorResponse;
use crate::rollout::RouteLimit;

/// Name of the node's own limit in reply header fields.
const DEFAULT: &str = "default";

/// Enforcement of rate limits.
pub struct RateLimits {
    limiter: Arc<Limiter>,
    /// Limit of each client address, whatever it requests.
    default: Option<Policy>,
}

/// Properties of a request by which limits count it.
#[derive(Clone, Copy)]
pub(super) struct RequestKey<'a> {
    pub(super) method: &'a Method,
    /// Path without the mount, and percent-decoded, since a plugin may treat an encoded letter like
    /// the letter.
    pub(super) path: &'a str,
    pub(super) client: IpAddr,
    pub(super) caller: &'a Caller,
}

/// Verdicts of the limits that counted one request, for the header fields of its reply.
#[derive(Default)]
pub(super) struct RateLimitHeaders(Vec<(String, Policy, Verdict)>);

impl RateLimits {
    /// Returns limits that `limiter` counts; `rate` applies to each client address.
    ///
    /// # Errors
    /// When the rate is not a valid policy.
    pub fn new(limiter: Arc<Limiter>, rate: Option<Rate>) -> Result<Self, PolicyError> {
        let policy = |rate: Rate| Policy::new(DEFAULT, rate.quota, rate.window, rate.burst);
        let default = rate.map(policy).transpose()?;
        Ok(Self { limiter, default })
    }

    /// Returns the limiter that counts.
    pub(super) fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Counts a request against the node's own limit. Each node counts alone: the limit protects
    /// the node, and must not cost a round trip.
    pub(super) fn count_client(
        &self,
        client: IpAddr,
        verdicts: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        let Some(policy) = &self.default else {
            return Ok(());
        };
        let verdict = self.limiter.check_here(policy, &client_key(client), 1);
        verdicts.add(policy.id(), policy, verdict)
    }

    /// Counts a request against those of `limits` that need no body.
    pub(super) async fn count_head(
        &self,
        limits: &[RouteLimit],
        request: RequestKey<'_>,
        verdicts: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        for limit in limits.iter().filter(|limit| matches(limit, request)) {
            let key = match &limit.by {
                Subject::Address => client_key(request.client),
                Subject::Principal => principal_key(request),
                Subject::Field(_) => continue,
            };
            self.count(limit, request, &key, verdicts).await?;
        }
        Ok(())
    }

    /// Counts a request against those of `limits` that are keyed by a field of its body. A body
    /// without the field is not counted, since the plugin refuses it.
    pub(super) async fn count_body(
        &self,
        limits: &[RouteLimit],
        request: RequestKey<'_>,
        headers: &HeaderMap,
        body: &Bytes,
        verdicts: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        // Plugins get the field with invalid bytes replaced, since a parameter may hold any bytes.
        let content_type = headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        for limit in limits.iter().filter(|limit| matches(limit, request)) {
            if let Subject::Field(name) = &limit.by
                && let Some(text) = body_field(content_type.as_deref(), body, name)
            {
                let key = text.trim().to_lowercase();
                self.count(limit, request, &key, verdicts).await?;
            }
        }
        Ok(())
    }

    async fn count(
        &self,
        limit: &RouteLimit,
        request: RequestKey<'_>,
        key: &str,
        verdicts: &mut RateLimitHeaders,
    ) -> Result<(), ErrorResponse> {
        let on_failure = if request.method.is_safe() {
            OnFailure::Open
        } else {
            OnFailure::Local
        };
        let verdict = self.limiter.check(&limit.policy, key, 1, on_failure).await;
        verdicts.add(&limit.name, &limit.policy, verdict)
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

    /// Writes the rate limit header fields of a reply.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers::write(&self.0, headers);
    }
}

fn matches(limit: &RouteLimit, request: RequestKey<'_>) -> bool {
    (limit.methods.is_empty() || limit.methods.contains(request.method))
        && crate::rollout::strip_prefix_ignoring_case(&limit.path, request.path).is_some()
}

/// Returns the key of a limit by principal. Callers without a valid token are counted by address.
fn principal_key(request: RequestKey<'_>) -> String {
    match request.caller {
        Caller::Verified(principal) => format!("principal {}", principal.id),
        Caller::Anonymous | Caller::Rejected => client_key(request.client),
    }
}
