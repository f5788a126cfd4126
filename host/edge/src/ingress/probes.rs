//! Questions about the node itself, by those who run it: whether the process
//! lives, and whether it takes requests.

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

use super::reply::ErrorResponse;
use crate::rollout::{Backends, Readiness, ReadinessCell, Reconciler, Release};
use crate::runtime::Body;
use crate::telemetry::NodeWarnings;

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Stores are asked no more often than this, whoever wants to know.
const FRESH: Duration = Duration::from_secs(1);

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// Does the process answer at all?
    Live,
    /// Does it take requests?
    Ready,
    /// The same, and what is behind it?
    Details,
}

impl Probe {
    /// The question that `request` is, if it is one.
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

/// What the node knows of itself.
pub(super) struct Probes {
    /// Whether it has been told to stop.
    stopping: AtomicBool,
    region: String,
    limiter: Arc<Limiter>,
    clock: Arc<SharedClock>,
    /// Nothing where the node's own parts are not known, as in tests of this
    /// port alone.
    behind: Option<Behind>,
    readiness: Arc<ReadinessCell>,
    /// What the stores said last, and when.
    stores: Mutex<Option<(Instant, Vec<Store>)>>,
}

/// What is behind the port, for those who ask.
pub struct Behind {
    /// What plugins share: the store of buckets is opened with the first
    /// plugin that has any.
    pub services: Arc<Backends>,
    /// Knows what should serve and does not.
    pub follower: Arc<Reconciler>,
    /// What an operator should know of the node.
    pub warnings: Arc<NodeWarnings>,
}

/// All that `/readyz?verbose` tells.
#[derive(Serialize)]
struct Details<'a> {
    ready: bool,
    /// Whether not all of the node works, whether or not it takes requests.
    degraded: bool,
    /// What is missing of what the node should serve.
    missing: &'a [String],
    region: &'a str,
    clock: Option<Clock>,
    plugins: Vec<Plugin<'a>>,
    stores: Vec<Store>,
    /// The subjects of the node's warnings, which `edge status` shows whole.
    warnings: Vec<&'static str>,
}

/// The node's clock, beside the control database's.
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

/// A store, by what it is for: its address is nobody's business here.
#[derive(Clone, Serialize)]
struct Store {
    name: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    answers: bool,
    /// Whether the node leaves it alone, where it would.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<Circuit>,
    /// The policy by which it drops keys when its memory is full.
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

    /// Whether `path` belongs to a plugin that should serve and does not.
    pub(super) fn is_missing(&self, path: &str) -> bool {
        let behind = self.behind.as_ref();
        behind.is_some_and(|behind| behind.follower.is_missing(path))
    }

    pub(super) fn with_clock(self, clock: Arc<SharedClock>) -> Self {
        Self { clock, ..self }
    }

    /// With what is known of the release log.
    pub(super) fn with_readiness(self, readiness: Arc<ReadinessCell>) -> Self {
        Self { readiness, ..self }
    }

    /// From now on, the node is not ready.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Answer `probe`, on a node that serves `releases`.
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
        // Texts in structs always serialize.
        serde_json::to_vec(&details).unwrap_or_default().into()
    }

    /// One asks, and the others wait for what it hears.
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

    /// The stores that no plugin has for itself.
    async fn shared_stores(&self) -> Vec<Store> {
        let buckets = async {
            let store = self.behind.as_ref()?.services.buckets_store()?;
            let (answers, evicts) = tokio::join!(
                in_time(store.ping()),
                tokio::time::timeout(PATIENCE, store.eviction()),
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
                tokio::time::timeout(PATIENCE, self.limiter.eviction()),
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

/// The database of each plugin that has one, and its replica.
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

/// Whether an answer comes, and soon.
async fn in_time<T, E>(asking: impl Future<Output = Result<T, E>>) -> bool {
    matches!(tokio::time::timeout(PATIENCE, asking).await, Ok(Ok(_)))
}
