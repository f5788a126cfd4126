//! The service behind every connection of clients: the stages of a request in their order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use stores::clock::SharedClock;
use tokio_util::task::TaskTracker;

use super::access_log::Line;
use super::cached_reply::{answer_condition, describe};
use super::canary::{CanaryRouting, Routed};
use super::compression::compress;
use super::cors::{Cors, is_preflight};
use super::exchange::Exchange;
use super::head_reply::drop_body;
use super::head_rules::check_head;
use super::limits::RateLimits;
use super::masked_path::{masked, masked_unrouted};
use super::reply_headers::{NodeHeaders, keep_private};
use super::routing::Router;
use super::span;
use crate::config::{AccessLog, ClientLimits, ReplyHeaders, Settings, TrustedProxies};
use crate::framing;
use crate::identity::Identity;
use crate::ingress::error_response::ErrorResponse;
use crate::ingress::probes::{Behind, Probe, Probes};
use crate::reply_cache::ReplyCache;
use crate::rollout::{ReadinessCell, ServingState};
use crate::runtime::Body;
use crate::telemetry::traces::{Span, Traces};
use crate::telemetry::{RefusalReason, Traffic};

/// HTTP service that answers the requests of every connection.
pub struct Service {
    pub(super) router: Router,
    pub(super) limits: ClientLimits,
    pub(super) rate_limits: RateLimits,
    proxies: TrustedProxies,
    access_log: AccessLog,
    pub(super) identity: Arc<Identity>,
    headers: NodeHeaders,
    compression: bool,
    /// Replies of cached routes; `None` if the setting turns the cache off.
    pub(super) reply_cache: Option<Arc<ReplyCache>>,
    cors: Option<Cors>,
    probes: Probes,
    traffic: Arc<Traffic>,
    /// Tracing of requests; `None` without a collector.
    traces: Option<Arc<Traces>>,
    pub(super) store_timeout: Duration,
    pub(super) has_replicas: bool,
    /// Tasks of requests that change something, which are completed without their clients.
    pub(super) changes: TaskTracker,
}

impl Service {
    /// Returns a service over the active releases of `serving`, with callers verified by
    /// `identity`.
    #[must_use]
    pub fn new(
        serving: Arc<ServingState>,
        canaries: CanaryRouting,
        rate_limits: RateLimits,
        identity: Arc<Identity>,
        settings: &Settings,
    ) -> Self {
        Self {
            router: Router {
                serving,
                canaries,
                mount_path: settings.mount_path.clone(),
            },
            limits: settings.client,
            probes: Probes::new(&settings.region, rate_limits.limiter().clone()),
            rate_limits,
            proxies: settings.trusted_proxies.clone(),
            access_log: settings.access_log,
            identity,
            headers: NodeHeaders::new(settings),
            compression: settings.compression,
            reply_cache: (settings.reply_cache > 0)
                .then(|| Arc::new(ReplyCache::new(settings.reply_cache))),
            cors: settings.cors.as_ref().map(Cors::new),
            traffic: Arc::default(),
            traces: None,
            store_timeout: settings.store_timeout,
            has_replicas: settings.has_replicas(),
            changes: TaskTracker::new(),
        }
    }

    /// Returns the service with tracing of requests, if `traces` is given.
    #[must_use]
    pub fn with_traces(mut self, traces: Option<Arc<Traces>>) -> Self {
        self.traces = traces;
        self
    }

    /// Returns the counters of requests and refusals at the shop's ports.
    #[must_use]
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Returns the replies that are kept; `None` if the setting turns that off.
    #[must_use]
    pub fn reply_cache(&self) -> Option<&Arc<ReplyCache>> {
        self.reply_cache.as_ref()
    }

    /// Returns the service with probes that report on the parts in `behind`.
    #[must_use]
    pub fn with(mut self, behind: Behind) -> Self {
        self.probes = self.probes.with(behind);
        self
    }

    /// Returns the service with the control database's clock, which probes compare with the node's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<SharedClock>) -> Self {
        self.probes = self.probes.with_clock(clock);
        self
    }

    /// Returns the service with probes that know how much the node serves of what its region's
    /// release log asks for.
    #[must_use]
    pub fn with_readiness(mut self, readiness: Arc<ReadinessCell>) -> Self {
        self.probes = self.probes.with_readiness(readiness);
        self
    }

    pub(in crate::ingress) fn limits(&self) -> &ClientLimits {
        &self.limits
    }

    /// Returns the header fields of the settings, which every reply gets.
    pub(in crate::ingress) fn configured_headers(&self) -> &Arc<ReplyHeaders> {
        self.headers.configured()
    }

    pub(in crate::ingress) fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Waits until all requests that change something have ended, including those whose clients
    /// have left.
    pub(in crate::ingress) async fn finish_changes(&self) {
        self.changes.close();
        self.changes.wait().await;
    }

    /// Answers `request`, which came from the address `peer`. Every outcome is a reply.
    pub(in crate::ingress) async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: IpAddr,
    ) -> Response<Body> {
        let mut exchange = Exchange::new(&request, peer, &self.proxies);
        if let Some(probe) = probe(&request) {
            // The future is boxed, so that it does not make every request's state larger.
            return Box::pin(self.answer_probe(&exchange, probe)).await;
        }
        let _in_flight = self.traffic.begin();
        self.begin_span(&mut exchange, &request);
        let routed = self.router.route(&mut request, &mut exchange);
        let outcome = self.reply(&mut exchange, routed.as_ref(), request).await;
        let response = outcome.unwrap_or_else(|refusal| self.refuse(&exchange, refusal));
        let response = self.finish(&exchange, routed.as_ref(), response).await;
        self.record(&mut exchange, routed.as_ref(), &response);
        response
    }

    /// Answers a probe. Probes are not counted.
    async fn answer_probe(&self, exchange: &Exchange, probe: Probe) -> Response<Body> {
        let releases = self.router.serving.releases();
        let answer = self.probes.answer(probe, &exchange.method, &releases).await;
        let (accept, id) = (&exchange.accept, &exchange.request_id);
        let mut response = answer.unwrap_or_else(|refusal| refusal.into_response(accept, id));
        self.headers.write(&mut response, id, None);
        if exchange.method == Method::HEAD {
            drop_body(&mut response);
        }
        response
    }

    fn begin_span<B>(&self, exchange: &mut Exchange, request: &Request<B>) {
        let traces = self.traces.as_ref();
        exchange.span = traces.map(|traces| traces.begin(request.headers()));
    }

    /// Checks a request, and answers it by CORS or by the plugin that it is routed to.
    async fn reply(
        &self,
        exchange: &mut Exchange,
        routed: Option<&Routed>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, ErrorResponse> {
        if let Some(cors) = &self.cors {
            exchange.allowed_origin = cors.allowed_origin(request.headers());
        }
        check_head(&request, &self.limits, routed.is_some())?;
        self.rate_limits
            .count_client(exchange.client, &mut exchange.rate_limits)?;
        if let Some(cors) = self.cors.as_ref().filter(|_| is_preflight(&request)) {
            return Ok(cors.preflight(exchange.allowed_origin.as_ref()));
        }
        match routed {
            Some(routed) => self.call_plugin(exchange, routed, request).await,
            // The plugin of this path is only missing for now: it may be served at any moment.
            None if self.probes.is_missing(exchange.uri.path()) => {
                Err(ErrorResponse::unavailable(RefusalReason::PluginMissing))
            }
            None => Err(ErrorResponse::not_found()),
        }
    }

    fn refuse(&self, exchange: &Exchange, refusal: ErrorResponse) -> Response<Body> {
        if refusal.is_hosts() {
            self.traffic.count_refusal(refusal.reason());
        }
        refusal.into_response(&exchange.accept, &exchange.request_id)
    }

    /// Completes a reply: the host's header fields, compression, and no body for HEAD.
    async fn finish(
        &self,
        exchange: &Exchange,
        routed: Option<&Routed>,
        mut response: Response<Body>,
    ) -> Response<Body> {
        let release = routed.map(|routed| &*routed.release);
        self.headers
            .write(&mut response, &exchange.request_id, release);
        if let Some(outcome) = &exchange.cache {
            describe(outcome, exchange, &mut response);
        }
        let headers = response.headers_mut();
        if exchange.shows_credentials {
            keep_private(headers);
        }
        if let Some(routed) = routed {
            routed.keep_cohort(headers);
        }
        if let Some(cors) = &self.cors {
            cors.write(exchange.allowed_origin.as_ref(), headers);
        }
        exchange.rate_limits.write(headers);
        if self.compression {
            let kept = exchange
                .cache
                .as_ref()
                .and_then(|outcome| outcome.entry.as_deref())
                .filter(|entry| entry.has_one_body());
            response = compress(&exchange.method, &exchange.accept, response, kept).await;
        }
        answer_condition(&exchange.conditions, &mut response);
        if exchange.method == Method::HEAD {
            drop_body(&mut response);
        }
        response
    }

    /// Counts a request, writes its access log line, and sets the attributes of its span.
    fn record(&self, exchange: &mut Exchange, routed: Option<&Routed>, response: &Response<Body>) {
        let path = exchange.uri.path();
        let shown = match routed {
            Some(routed) => masked(path, &routed.route.path, routed.secrets.as_deref()),
            None => masked_unrouted(path),
        };
        let line = Line {
            request_id: &exchange.request_id,
            trace: exchange.span.as_ref().map(Span::context).cloned(),
            method: &exchange.method,
            path: &shown,
            route: routed.map_or("", |routed| &routed.route.path),
            release: routed.map(|routed| &*routed.release),
            status: response.status(),
            began: exchange.began,
            client: exchange.client,
            ledger: &exchange.ledger,
            cache: exchange.cache.as_ref(),
        };
        self.count(&line, routed);
        if let (Some(routed), Some(outcome)) = (routed, &exchange.cache) {
            let stats = &routed.route.stats;
            stats.count_cache(&routed.release.version, outcome.result);
        }
        line.write(self.access_log);
        if let Some(span) = exchange.span.as_mut().filter(|span| span.is_sampled()) {
            span::describe(span, &line);
        }
    }

    fn count(&self, line: &Line<'_>, routed: Option<&Routed>) {
        let (method, status, took) = (line.method, line.status, line.began.elapsed());
        match routed {
            Some(Routed { route, release, .. }) => {
                route.stats.count(&release.version, method, status, took);
            }
            None => self.traffic.unrouted().count(method, status, took),
        }
    }
}

/// Returns the probe that `request` is; `None` for any other request, and for one with a body that
/// could be framed in two ways.
fn probe<B>(request: &Request<B>) -> Option<Probe> {
    Probe::of(request).filter(|_| framing::is_plain(request.headers()))
}
