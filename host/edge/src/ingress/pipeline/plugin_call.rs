//! The call of the plugin that a request is routed to: who asks, whether the rate limits of the
//! plugin admit it, and the plugin's answer as a reply.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;

use super::cached_reply::{conditions, lookup};
use super::canary::Routed;
use super::exchange::Exchange;
use super::limits::RequestKey;
use super::request_body::read_body;
use super::service::Service;
use crate::bindings::context::Caller;
use crate::guest::{Call, CallError, Demotion, ReadConsistency};
use crate::identity::{CREDENTIALS, Presented};
use crate::ingress::error_response::ErrorResponse;
use crate::rollout::Release;
use crate::runtime::{Answer, Body, is_failure};
use crate::telemetry::RefusalReason;
use crate::telemetry::traces::{Span, SpanContext};

impl Service {
    /// Answers a request with the release that it is `routed` to.
    ///
    /// While revocations cannot be read, the token of a request counts as rejected: routes that are
    /// open to everybody are answered, and a 401 becomes a 503.
    pub(super) async fn call_plugin(
        &self,
        exchange: &mut Exchange,
        routed: &Routed,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let mut call = self.call(exchange, routed);
        let presented = self.take_token(request.headers_mut());
        let caller = self.identity.caller(&presented).await;
        if let Err(error) = &caller {
            let request_id = &exchange.request_id;
            tracing::warn!(request_id, "a token cannot be checked: {error}");
        }
        let is_known = caller.is_ok();
        call.caller = caller.unwrap_or(Caller::Rejected);
        let calling = self.call_as(exchange, routed, request, &presented, call);
        let outcome = calling.await;
        let status = match &outcome {
            Ok(response) => response.status(),
            Err(refusal) => refusal.status,
        };
        if !is_known && status == StatusCode::UNAUTHORIZED {
            return Err(ErrorResponse::unavailable(RefusalReason::TokensUnknown));
        }
        outcome
    }

    /// Returns the token of a request. A valid token is removed from the header fields, since a
    /// plugin could act for the caller elsewhere with it.
    fn take_token(&self, headers: &mut HeaderMap) -> Presented {
        let presented = self.identity.presented(headers);
        if matches!(presented, Presented::Token(_)) {
            for field in &CREDENTIALS {
                headers.remove(field);
            }
        }
        presented
    }

    fn call(&self, exchange: &Exchange, routed: &Routed) -> Call {
        let reads = match self.has_replicas && exchange.may_be_stale() {
            true => ReadConsistency::stale(),
            false => ReadConsistency::current(),
        };
        Call {
            id: exchange.request_id.clone(),
            deadline: Instant::now() + routed.release.plugin.deadline(),
            client: Some(exchange.client),
            headers: Arc::default(),
            caller: Caller::Anonymous,
            cohort: routed.cohort,
            depth: 0,
            calling_plugin: None,
            trace: exchange.span.as_ref().map(Span::context).cloned(),
            reads,
            store_timeout: Some(self.store_timeout),
            demotion: Demotion::default(),
            ledger: exchange.ledger.clone(),
        }
    }

    /// Answers a request as the caller of `call`, who has `presented` a token or none.
    async fn call_as(
        &self,
        exchange: &mut Exchange,
        routed: &Routed,
        request: Request<Incoming>,
        presented: &Presented,
        mut call: Call,
    ) -> Result<Response<Body>, ErrorResponse> {
        let release = &routed.release;
        // The future is boxed, so that it does not make every request's state larger.
        let admitting = Box::pin(self.admit(exchange, release, request, &call));
        let request = admitting.await?;
        // The token may have been revoked while the body was read.
        if self.identity.is_known_as_revoked(presented) {
            call.caller = Caller::Rejected;
        }
        let mut request = request;
        call.headers = Arc::new(std::mem::take(request.headers_mut()));
        let trace = call.trace.clone();
        let answer = self
            .answer_from_cache(exchange, routed, call, request)
            .await;
        let reply = match answer {
            Ok(Answer::Response(response)) => return Ok(response),
            Ok(Answer::Failure(failure)) => ErrorResponse::of_plugin(failure),
            Err(error) => Err(error),
        };
        Err(reply.unwrap_or_else(|error| {
            log_failure(release, &exchange.request_id, trace.as_ref(), &error);
            ErrorResponse::of_call(&error)
        }))
    }

    /// Answers a request from the reply cache, if its route is cached, or by the plugin.
    async fn answer_from_cache(
        &self,
        exchange: &mut Exchange,
        routed: &Routed,
        call: Call,
        request: Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let lookup = self
            .reply_cache
            .as_ref()
            .zip(lookup(routed, &request, &call));
        let Some((cache, lookup)) = lookup else {
            return self.ask(routed, call, request).await;
        };
        exchange.conditions = conditions(&call.headers);
        let lookup = match lookup {
            Ok(lookup) => lookup,
            Err(bypassed) => {
                exchange.cache = Some(bypassed);
                return self.ask(routed, call, request).await;
            }
        };
        let ledger = call.ledger.clone();
        let asking = cache.answer(&lookup, &ledger, async || {
            self.ask(routed, call, request).await
        });
        let (answer, outcome) = asking.await;
        exchange.cache = Some(outcome);
        answer
    }

    /// Calls the plugin, and counts its answer for the comparison of canary and active release.
    async fn ask(
        &self,
        routed: &Routed,
        call: Call,
        request: Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let began = Instant::now();
        let answer = self.handle(&routed.release, call, request).await;
        let (canaries, took) = (&self.router.canaries, began.elapsed());
        canaries.count(routed, took, is_failure(&answer));
        answer
    }

    /// Reads the body of a request, unless the rate limits of its plugin refuse it.
    async fn admit(
        &self,
        exchange: &mut Exchange,
        release: &Release,
        request: Request<Incoming>,
        call: &Call,
    ) -> Result<Request<Bytes>, ErrorResponse> {
        let limits = &release.route_limits;
        let max_body = release.manifest.limits.body.as_u64();
        let timeout = self.limits.body_timeout;
        if limits.is_empty() {
            let read = read_body(request, max_body, timeout, call.deadline).await;
            return read.map_err(ErrorResponse::closing);
        }
        let key = RequestKey {
            method: &exchange.method,
            path: &percent_decode_str(exchange.uri.path()).decode_utf8_lossy(),
            client: exchange.client,
            caller: &call.caller,
        };
        let verdicts = &mut exchange.rate_limits;
        let counting = self.rate_limits.count_head(limits, key, verdicts);
        counting.await.map_err(ErrorResponse::closing)?;
        let read = read_body(request, max_body, timeout, call.deadline).await;
        let request = read.map_err(ErrorResponse::closing)?;
        self.rate_limits
            .count_body(limits, key, request.headers(), request.body(), verdicts)
            .await?;
        Ok(request)
    }

    /// Calls the plugin of `release`.
    ///
    /// A request of a safe method is cancelled, in the plugin too, when its client leaves and this
    /// future is dropped. Any other request runs in a task of its own and is completed, within its
    /// deadline, without its client.
    async fn handle(
        &self,
        release: &Arc<Release>,
        call: Call,
        request: Request<Bytes>,
    ) -> Result<Answer, CallError> {
        if request.method().is_safe() {
            return release.plugin.handle(call, request).await;
        }
        let plugin = release.plugin.clone();
        let change = async move { plugin.handle(call, request).await };
        let done = self.changes.spawn(change).await;
        done.unwrap_or_else(|error| Err(CallError::Trap(wasmtime::Error::new(error))))
    }
}

fn log_failure(
    release: &Release,
    request_id: &str,
    trace: Option<&SpanContext>,
    error: &CallError,
) {
    let (plugin, version) = (&release.manifest.name, &release.version);
    let (reason, trace_id) = (error.reason(), trace.map(SpanContext::id));
    match error {
        CallError::Busy | CallError::QueueTimeout => {
            tracing::warn!(plugin, version, request_id, trace_id, reason, "{error}");
        }
        _ => tracing::error!(plugin, version, request_id, trace_id, reason, "{error}"),
    }
}
