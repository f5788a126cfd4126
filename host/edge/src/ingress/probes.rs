//! Liveness and readiness probes of the node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bundle::manifest::{LIVE, READY};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;
use stores::breaker::{Circuit, StoreHealth};
use stores::clock::SharedClock;
use stores::limiter::Limiter;
use stores::sql::Dialect;
use tokio::sync::Mutex;

use super::error_response::ErrorResponse;
use crate::rollout::{Backends, Readiness, ReadinessCell, Reconciler, Release};
use crate::runtime::Body;
use crate::telemetry::NodeWarnings;

/// Time limit for a store to answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Minimum time between two checks of the stores, however often probes ask.
const FRESH: Duration = Duration::from_secs(1);

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A kind of probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// Liveness: the process answers.
    Live,
    /// Readiness: the node takes requests.
    Ready,
    /// Readiness with details about plugins and stores.
    Details,
}

impl Probe {
    /// Returns the probe that `request` is, or `None` for any other request.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        match request.uri().path() {
            LIVE => Some(Self::Live),
            READY => {
                let query = request.uri().query().unwrap_or_default();
                let is_verbose = query.split('&').any(|one| one == "verbose");
                Some(if is_verbose {
                    Self::Details
                } else {
                    Self::Ready
                })
            }
            _ => None,
        }
    }
}

/// State that the probes report.
pub(super) struct Probes {
    /// Set once the node has been told to stop.
    stopping: AtomicBool,
    region: String,
    limiter: Arc<Limiter>,
    clock: Arc<SharedClock>,
    /// Parts of the node to report on; `None` where there are none, as in tests of this port alone.
    behind: Option<Behind>,
    readiness: Arc<ReadinessCell>,
    /// Result of the last check of the stores, and its time.
    stores: Mutex<Option<(Instant, Vec<Store>)>>,
}

/// Parts of the node that the detailed probe reports on.
pub struct Behind {
    /// Stores that plugins share. The store of buckets is opened with the first plugin that has
    /// any.
    pub services: Arc<Backends>,
    /// Reconciler, which knows what should be served and is not.
    pub follower: Arc<Reconciler>,
    /// Warnings for operators of the node.
    pub warnings: Arc<NodeWarnings>,
}

/// Body of the reply to `/readyz?verbose`.
#[derive(Serialize)]
struct Details<'a> {
    ready: bool,
    /// True if a part of the node does not work, even if the node takes requests.
    degraded: bool,
    /// Parts of the desired state that are not served.
    missing: &'a [String],
    region: &'a str,
    clock: Option<Clock>,
    plugins: Vec<Plugin<'a>>,
    stores: Vec<Store>,
    /// Subjects of the node's warnings, which `edge status` shows in full.
    warnings: Vec<&'static str>,
}

/// Skew of the node's clock from the control database's.
#[derive(Serialize)]
struct Clock {
    skew_ms: i64,
    periodic_work: bool,
}

#[derive(Serialize)]
struct Plugin<'a> {
    name: &'a str,
    version: &'a str,
}

/// A store, named by its purpose. The address of a store is not public.
#[derive(Clone, Serialize)]
struct Store {
    name: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    answers: bool,
    /// State of the circuit breaker; absent for a store without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<Circuit>,
    /// Eviction policy of a Redis that drops keys when its memory is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    evicts: Option<String>,
}

impl Probes {
    pub(super) fn new(region: &str, limiter: Arc<Limiter>) -> Self {
        Self {
            stopping: AtomicBool::new(false),
            region: region.to_owned(),
            limiter,
            clock: Arc::default(),
            behind: None,
            readiness: Arc::default(),
            stores: Mutex::new(None),
        }
    }

    pub(super) fn with(self, behind: Behind) -> Self {
        let behind = Some(behind);
        Self { behind, ..self }
    }

    /// Returns whether `path` belongs to a plugin that should be served and is not.
    pub(super) fn is_missing(&self, path: &str) -> bool {
        let behind = self.behind.as_ref();
        behind.is_some_and(|behind| behind.follower.is_missing(path))
    }

    pub(super) fn with_clock(self, clock: Arc<SharedClock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns the probes with the readiness of the node, by the release log.
    pub(super) fn with_readiness(self, readiness: Arc<ReadinessCell>) -> Self {
        Self { readiness, ..self }
    }

    /// Marks the node as not ready from now on.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Answers `probe` on a node that serves `releases`.
    pub(super) async fn answer(
        &self,
        probe: Probe,
        method: &Method,
        releases: &[Arc<Release>],
    ) -> Result<Response<Body>, ErrorResponse> {
        if ![Method::GET, Method::HEAD].contains(method) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let refusal = ErrorResponse::host(status, "The method is not supported.");
            return Err(refusal.with(ALLOW, HeaderValue::from_static("GET, HEAD")));
        }
        let is_stopping = self.stopping.load(Ordering::Relaxed);
        let readiness = self.readiness.get();
        let ready = readiness.ready && !is_stopping;
        let (content_type, body) = match probe {
            Probe::Live => (TEXT, "live\n".into()),
            Probe::Ready if ready => (TEXT, "ready\n".into()),
            Probe::Ready if is_stopping => (TEXT, "stopping\n".into()),
            Probe::Ready => (TEXT, "not ready\n".into()),
            Probe::Details => (JSON, self.details(ready, &readiness, releases).await),
        };
        let mut reply = Response::new(Either::Left(Full::new(body)));
        if !ready && probe != Probe::Live {
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        reply.headers_mut().insert(CONTENT_TYPE, content_type);
        reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        Ok(reply)
    }

    async fn details(
        &self,
        ready: bool,
        readiness: &Readiness,
        releases: &[Arc<Release>],
    ) -> Bytes {
        let stores = self.ask_stores(releases).await;
        let plugins = releases.iter().map(|release| Plugin {
            name: &release.manifest.name,
            version: &release.version,
        });
        let behind = self.behind.as_ref();
        let warnings = behind.map_or_else(Vec::new, |behind| behind.warnings.subjects());
        let is_whole = readiness.missing.is_empty() && warnings.is_empty();
        let details = Details {
            ready,
            degraded: !is_whole || stores.iter().any(|store| !store.answers),
            missing: &readiness.missing,
            region: &self.region,
            clock: self.clock.skew().map(|skew| Clock {
                skew_ms: skew.milliseconds,
                periodic_work: !self.clock.is_off(),
            }),
            plugins: plugins.collect(),
            stores,
            warnings,
        };
        // Structs of texts always serialize.
        serde_json::to_vec(&details).unwrap_or_default().into()
    }

    /// Returns the state of the stores. Concurrent probes share one check.
    async fn ask_stores(&self, releases: &[Arc<Release>]) -> Vec<Store> {
        let mut known = self.stores.lock().await;
        if let Some((asked, stores)) = &*known
            && asked.elapsed() < FRESH
        {
            return stores.clone();
        }
        let (mut stores, shared) = tokio::join!(databases(releases), self.shared_stores());
        stores.extend(shared);
        *known = Some((Instant::now(), stores.clone()));
        stores
    }

    /// Checks the stores that plugins share.
    async fn shared_stores(&self) -> Vec<Store> {
        let buckets = async {
            let store = self.behind.as_ref()?.services.buckets_store()?;
            let (answers, evicts) = tokio::join!(
                in_time(store.ping()),
                tokio::time::timeout(STORE_TIMEOUT, store.eviction()),
            );
            Some(Store {
                name: "buckets",
                kind: store.kind(),
                plugin: None,
                answers,
                evicts: evicts.ok().flatten(),
                breaker: store.health().map(|health| health.circuit),
            })
        };
        let limits = async {
            let (answers, evicts) = tokio::join!(
                in_time(self.limiter.ping()?),
                tokio::time::timeout(STORE_TIMEOUT, self.limiter.eviction()),
            );
            Some(Store {
                name: "rate-limits",
                kind: "redis",
                plugin: None,
                answers,
                evicts: evicts.ok().flatten(),
                breaker: self.limiter.health().map(|health| health.circuit),
            })
        };
        let (buckets, limits) = tokio::join!(buckets, limits);
        buckets.into_iter().chain(limits).collect()
    }
}

/// Checks the database of each plugin that has one, and its replica.
async fn databases(releases: &[Arc<Release>]) -> Vec<Store> {
    let asking = releases.iter().filter_map(|release| {
        let database = release.database.clone()?;
        let plugin = release.manifest.name.clone();
        Some(async move {
            let (primary, replica) = tokio::join!(
                in_time(database.ping()),
                in_time(async { database.ping_replica().await.transpose() }),
            );
            let store = |name, answers, health: Option<StoreHealth>| Store {
                name,
                kind: match database.dialect() {
                    Dialect::Sqlite => "sqlite",
                    Dialect::Mysql => "mysql",
                },
                plugin: Some(plugin.clone()),
                answers,
                breaker: health.map(|health| health.circuit),
                evicts: None,
            };
            let replica = database
                .replica()
                .map(|usage| store("database-replica", replica, Some(usage.health)));
            let primary = store("database", primary, database.health());
            [Some(primary), replica]
        })
    });
    let stores = join_all(asking).await;
    stores.into_iter().flatten().flatten().collect()
}

/// Returns whether `asking` succeeds within the time limit.
async fn in_time<T, E>(asking: impl Future<Output = Result<T, E>>) -> bool {
    matches!(tokio::time::timeout(STORE_TIMEOUT, asking).await, Ok(Ok(_)))
}
