//! Handling of one request, from its head to its reply.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, SERVER,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use stores::clock::SharedClock;
use tokio_util::task::TaskTracker;

use super::access::Line;
use super::client::client;
use super::compression::compress;
use super::cors::{Cors, is_preflight};
use super::head::drop_body;
use super::limits::{RateLimitHeaders, RateLimits, RequestKey};
use super::masked_path::{masked, masked_unrouted};
use super::probes::{Behind, Probe, Probes};
use super::reply::{ErrorResponse, REQUEST_ID, new_id};
use super::request::{check_head, read_body};
use super::span;
use super::trials::{Chosen, Trials};
use crate::bindings::context::Caller;
use crate::config::{AccessLog, ClientLimits, ReplyHeaders, Settings, TrustedProxies};
use crate::framing;
use crate::guest::{Call, CallError, Demotion, ReadConsistency};
use crate::identity::{CREDENTIALS, Identity, Presented};
use crate::rollout::{Match, ReadinessCell, Release, Route, ServingState, without_mount};
use crate::runtime::{Answer, Body, is_failure};
use crate::telemetry::traces::{Trace, Traces, Work};
use crate::telemetry::{RefusalReason, Traffic};

/// Reply header field with the version of the release that answered.
const RELEASE: HeaderName = HeaderName::from_static("edge-release");

/// Reply header field with the region of the node that answered.
const REGION: HeaderName = HeaderName::from_static("edge-region");
/// Header field that is removed from replies, since it tells clients which software serves them.
const POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");

/// HTTP service that answers the requests of every connection.
pub struct Service {
    live: Arc<ServingState>,
    trials: Trials,
    region: HeaderValue,
    limits: ClientLimits,
    rate_limits: RateLimits,
    proxies: TrustedProxies,
    access_log: AccessLog,
    identity: Arc<Identity>,
    headers: Arc<ReplyHeaders>,
    compression: bool,
    cors: Option<Cors>,
    probes: Probes,
    traffic: Arc<Traffic>,
    /// Tracing of requests; `None` without a collector.
    traces: Option<Arc<Traces>>,
    store_timeout: Duration,
    has_replicas: bool,
    /// Tasks of requests that change something, which are completed without their clients.
    changes: TaskTracker,
}

impl Service {
    /// Returns a service over the active releases of `live`, with callers verified by `identity`.
    #[must_use]
    pub fn new(
        live: Arc<ServingState>,
        trials: Trials,
        rate_limits: RateLimits,
        identity: Arc<Identity>,
        settings: &Settings,
    ) -> Self {
        Self {
            live,
            trials,
            region: HeaderValue::from_str(&settings.region)
                .unwrap_or(HeaderValue::from_static("invalid")),
            limits: settings.client,
            probes: Probes::new(&settings.region, rate_limits.limiter().clone()),
            rate_limits,
            proxies: settings.trusted_proxies.clone(),
            access_log: settings.access_log,
            identity,
            headers: Arc::new(settings.reply_headers.clone()),
            compression: settings.compression,
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

    pub(super) fn limits(&self) -> &ClientLimits {
        &self.limits
    }

    /// Returns the header fields that every reply gets.
    pub(super) fn headers(&self) -> &Arc<ReplyHeaders> {
        &self.headers
    }

    pub(super) fn probes(&self) -> &Probes {
        &self.probes
    }

    /// Answers `request`, which came from the address `peer`. Every outcome is a reply.
    pub(super) async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: IpAddr,
    ) -> Response<Body> {
        let began = Instant::now();
        let request_id = new_id();
        let method = request.method().clone();
        let probe = Probe::of(&request).filter(|_| framing::is_plain(request.headers()));
        if let Some(probe) = probe {
            // The future is boxed, so that it does not make every request's state larger.
            return Box::pin(self.answer_probe(probe, &request, &request_id)).await;
        }
        let _under_way = self.traffic.begin();
        let traces = self.traces.as_ref();
        let mut work = traces.map(|traces| traces.begin(request.headers()));
        let uri = request.uri().clone();
        let path = without_mount(uri.path());
        let client = client(&self.proxies, peer, request.headers());
        let (chosen, path) = {
            let serving = self.live.serving();
            let found = serving.routes.find(path);
            let headers = request.headers();
            let routes = &serving.routes;
            let choose = |found: &Match<'_, '_>| self.trials.choose(routes, found, headers, client);
            let chosen = found.as_ref().and_then(choose);
            (
                chosen,
                found.map_or(Cow::Borrowed(path), |found| found.path),
            )
        };
        if *path != *uri.path() {
            *request.uri_mut() = with_path(&uri, &path);
        }
        let release = chosen.as_ref().map(|chosen| &chosen.release);

        let mut tally = RateLimitHeaders::default();
        let accept = Accept::of(request.headers());
        let cors = self.cors.as_ref();
        let page = cors.map(|cors| (cors, cors.page(request.headers())));
        let admitted = check_head(&request, &self.limits, chosen.is_some())
            .and_then(|()| self.rate_limits.count_client(client, &mut tally));
        let is_personal = shows_credentials(request.headers());
        let preflight = page.as_ref().filter(|_| is_preflight(&request));
        let preflight = preflight.map(|(cors, page)| cors.preflight(page.as_ref()));
        let outcome = match (admitted, preflight, &chosen) {
            (Err(refusal), ..) => Err(refusal),
            (Ok(()), Some(reply), _) => Ok(reply),
            // The plugin of this path is only missing for now: it may be served at any moment.
            (Ok(()), None, None) if self.probes.is_missing(&path) => {
                Err(ErrorResponse::unavailable(RefusalReason::PluginMissing))
            }
            (Ok(()), None, None) => Err(ErrorResponse::not_found()),
            (Ok(()), None, Some(chosen)) => {
                let trace = work.as_ref().map(Work::trace);
                let call = self.call(chosen, &request, &request_id, client, trace);
                let presented = self.take_token(request.headers_mut());
                let asking = self.ask_as(presented, chosen, request, call, client, &mut tally);
                asking.await
            }
        };
        let mut response = outcome.unwrap_or_else(|refusal| {
            if refusal.is_hosts() {
                self.traffic.count_refusal(refusal.reason());
            }
            refusal.into_response(&accept.0, &request_id)
        });
        self.finish(&mut response, &request_id, release);
        if is_personal {
            keep_private(response.headers_mut());
        }
        if let Some(chosen) = &chosen {
            self.trials.finish(chosen, &mut response);
        }
        if let Some((cors, page)) = page {
            cors.write(page, response.headers_mut());
        }
        tally.write(response.headers_mut());
        if self.compression {
            response = compress(&method, &accept.0, response).await;
        }
        if method == Method::HEAD {
            drop_body(&mut response);
        }

        let route = chosen.as_ref().map(|chosen| &*chosen.route);
        let shown = match &chosen {
            Some(chosen) => masked(&path, &chosen.route.path, chosen.secrets.as_deref()),
            None => masked_unrouted(&path),
        };
        let line = Line {
            request_id: &request_id,
            trace: work.as_ref().map(Work::trace).cloned(),
            method: &method,
            path: &shown,
            route: route.map_or("", |route| &route.path),
            release: release.map(|release| &**release),
            status: response.status(),
            began,
            client,
        };
        self.record(&line, route, work.as_mut());
        response
    }

    /// Counts a request, writes its access log line, and sets the attributes of its span.
    fn record(&self, line: &Line<'_>, route: Option<&Route>, work: Option<&mut Work>) {
        let (method, status, took) = (line.method, line.status, line.began.elapsed());
        match route.zip(line.release) {
            Some((route, release)) => route.stats.count(&release.version, method, status, took),
            None => self.traffic.unrouted().count(method, status, took),
        }
        line.write(self.access_log);
        if let Some(work) = work.filter(|work| work.is_sampled()) {
            span::describe(work, line);
        }
    }

    /// Answers a probe. Probes are not counted.
    async fn answer_probe(
        &self,
        probe: Probe,
        request: &Request<Incoming>,
        request_id: &str,
    ) -> Response<Body> {
        let method = request.method();
        let accept = Accept::of(request.headers());
        let answer = self
            .probes
            .answer(probe, method, &self.live.releases())
            .await;
        let mut response =
            answer.unwrap_or_else(|refusal| refusal.into_response(&accept.0, request_id));
        self.finish(&mut response, request_id, None);
        if method == Method::HEAD {
            drop_body(&mut response);
        }
        response
    }

    fn call(
        &self,
        chosen: &Chosen,
        request: &Request<Incoming>,
        request_id: &str,
        client: IpAddr,
        trace: Option<&Trace>,
    ) -> Call {
        let reads = match self.has_replicas && may_be_stale(request) {
            true => ReadConsistency::stale(),
            false => ReadConsistency::current(),
        };
        Call {
            id: request_id.to_owned(),
            deadline: Instant::now() + chosen.release.plugin.deadline(),
            client: client.to_string(),
            caller: Caller::Anonymous,
            draw: chosen.draw,
            depth: 0,
            calling_plugin: None,
            trace: trace.cloned(),
            reads,
            store_timeout: Some(self.store_timeout),
            demotion: Demotion::default(),
        }
    }

    /// Answers a request with the chosen release, for the caller that `presented` names.
    ///
    /// While revocations cannot be read, the token of a request counts as rejected: routes that are
    /// open to everybody are answered, and a 401 becomes a 503.
    async fn ask_as(
        &self,
        presented: Presented,
        chosen: &Chosen,
        request: Request<Incoming>,
        mut call: Call,
        client: IpAddr,
        tally: &mut RateLimitHeaders,
    ) -> Result<Response<Body>, ErrorResponse> {
        let caller = self.identity.caller(&presented).await;
        if let Err(error) = &caller {
            tracing::warn!(request_id = call.id, "a token cannot be checked: {error}");
        }
        let is_known = caller.is_ok();
        call.caller = caller.unwrap_or(Caller::Rejected);
        let asking = self.ask(chosen, request, &presented, call, client, tally);
        let outcome = asking.await;
        let status = match &outcome {
            Ok(response) => response.status(),
            Err(refusal) => refusal.status,
        };
        if !is_known && status == StatusCode::UNAUTHORIZED {
            return Err(ErrorResponse::unavailable(RefusalReason::TokensUnknown));
        }
        outcome
    }

    /// Answers a request with the chosen release.
    async fn ask(
        &self,
        chosen: &Chosen,
        request: Request<Incoming>,
        presented: &Presented,
        mut call: Call,
        client: IpAddr,
        tally: &mut RateLimitHeaders,
    ) -> Result<Response<Body>, ErrorResponse> {
        let release = &chosen.release;
        // The future is boxed, so that it does not make every request's state larger.
        let admitting = Box::pin(self.admit(release, request, &call, client, tally));
        let request = admitting.await?;
        // The token may have been revoked while the body was read.
        if self.identity.is_known_as_revoked(presented) {
            call.caller = Caller::Rejected;
        }
        let (request_id, trace) = (call.id.clone(), call.trace.clone());
        let began = Instant::now();
        let answer = self.handle(release, call, request).await;
        self.trials
            .count(chosen, began.elapsed(), is_failure(&answer));
        let reply = match answer {
            Ok(Answer::Response(response)) => return Ok(response),
            Ok(Answer::Failure(failure)) => ErrorResponse::of_plugin(failure),
            Err(error) => Err(error),
        };
        Err(reply.unwrap_or_else(|error| {
            log_failure(release, &request_id, trace.as_ref(), &error);
            ErrorResponse::of_call(&error)
        }))
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

    /// Waits until all requests that change something have ended, including those whose clients
    /// have left.
    pub(super) async fn finish_changes(&self) {
        self.changes.close();
        self.changes.wait().await;
    }

    /// Reads the body of a request, unless the rate limits of its plugin refuse it.
    async fn admit(
        &self,
        release: &Release,
        request: Request<Incoming>,
        call: &Call,
        client: IpAddr,
        tally: &mut RateLimitHeaders,
    ) -> Result<Request<Bytes>, ErrorResponse> {
        let limits = &release.route_limits;
        let most = release.manifest.limits.body.as_u64();
        let patience = self.limits.body_timeout;
        if limits.is_empty() {
            let read = read_body(request, most, patience, call.deadline).await;
            return read.map_err(ErrorResponse::closing);
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let asked = RequestKey {
            method: &method,
            path: &percent_decode_str(uri.path()).decode_utf8_lossy(),
            client,
            caller: &call.caller,
        };
        let counting = self.rate_limits.count_head(limits, asked, tally);
        counting.await.map_err(ErrorResponse::closing)?;
        let read = read_body(request, most, patience, call.deadline).await;
        let request = read.map_err(ErrorResponse::closing)?;
        self.rate_limits
            .count_body(limits, asked, request.headers(), request.body(), tally)
            .await?;
        Ok(request)
    }

    /// Sets the header fields that every reply gets, and removes those that name the serving
    /// software.
    fn finish(
        &self,
        response: &mut Response<Body>,
        request_id: &str,
        release: Option<&Arc<Release>>,
    ) {
        let is_wrong_method = response.status() == StatusCode::METHOD_NOT_ALLOWED;
        let headers = response.headers_mut();
        headers.remove(SERVER);
        headers.remove(POWERED_BY);
        for (name, value) in self.headers.fields(headers) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(REGION, self.region.clone());
        if let Some(release) = release {
            headers.insert(RELEASE, release.header.clone());
        }
        if is_wrong_method {
            // RFC 9110 section 15.5.6 requires the field, which a plugin may have left out.
            headers.entry(ALLOW).or_insert(HeaderValue::from_static(
                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            ));
        }
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
}

/// Returns whether a request carries credentials, valid or not.
fn shows_credentials(headers: &HeaderMap) -> bool {
    CREDENTIALS.iter().any(|field| headers.contains_key(field))
}

/// Marks a reply as `no-store`, unless its plugin has set `Cache-Control`: caches do not know that
/// the header field `user-key` is a credential.
fn keep_private(headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(no_store);
}

/// Returns whether a request may be answered with slightly stale data: it only reads and has no
/// credentials, so its client cannot miss its own writes.
fn may_be_stale(request: &Request<Incoming>) -> bool {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    reads && !shows_credentials(request.headers())
}

/// Header fields of a request that negotiate the form of the reply.
struct Accept(HeaderMap);

impl Accept {
    fn of(headers: &HeaderMap) -> Self {
        let mut accept = HeaderMap::new();
        for name in [ACCEPT, ACCEPT_ENCODING] {
            for value in headers.get_all(&name) {
                accept.append(name.clone(), value.clone());
            }
        }
        Self(accept)
    }
}

/// Returns `uri` with another path.
fn with_path(uri: &Uri, path: &str) -> Uri {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let mut parts = uri.clone().into_parts();
    // A target that is made of parts of a valid one is valid itself.
    parts.path_and_query = target.ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

fn log_failure(release: &Release, request_id: &str, trace: Option<&Trace>, error: &CallError) {
    let (plugin, version) = (&release.manifest.name, &release.version);
    let (reason, trace_id) = (error.reason(), trace.map(Trace::id));
    match error {
        CallError::Busy | CallError::QueueTimeout => {
            tracing::warn!(plugin, version, request_id, trace_id, reason, "{error}");
        }
        _ => tracing::error!(plugin, version, request_id, trace_id, reason, "{error}"),
    }
}
