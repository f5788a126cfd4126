//! Questions about the node itself, by those who run it: whether the process
//! lives, and whether it takes requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;
use tokio::sync::Mutex;

use super::reply::Refusal;
use crate::bindings::sql::Dialect;
use crate::rollout::Release;
use crate::rollout::manifest::{LIVE, READY};
use crate::runtime::Body;
use crate::stores::breaker::{Circuit, StoreHealth};
use crate::stores::clock::SharedClock;
use crate::stores::keyvalue::KeyValue;
use crate::stores::limiter::Limiter;

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Stores are asked no more often than this, whoever wants to know.
const FRESH: Duration = Duration::from_secs(1);

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
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
    keyvalue: Option<KeyValue>,
    clock: Arc<SharedClock>,
    /// What the stores said last, and when.
    stores: Mutex<Option<(Instant, Vec<Store>)>>,
}

/// All that `/readyz?verbose` tells.
#[derive(Serialize)]
struct Details<'a> {
    ready: bool,
    region: &'a str,
    clock: Option<Clock>,
    plugins: Vec<Plugin<'a>>,
    stores: Vec<Store>,
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
}

impl Probes {
    pub(super) fn new(region: &str, limiter: Arc<Limiter>) -> Self {
        Self {
            stopping: AtomicBool::new(false),
            region: region.to_owned(),
            limiter,
            keyvalue: None,
            clock: Arc::default(),
            stores: Mutex::new(None),
        }
    }

    pub(super) fn with_keyvalue(self, keyvalue: Option<KeyValue>) -> Self {
        Self { keyvalue, ..self }
    }

    pub(super) fn with_clock(self, clock: Arc<SharedClock>) -> Self {
        Self { clock, ..self }
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
    ) -> Result<Response<Body>, Refusal> {
        if ![Method::GET, Method::HEAD].contains(method) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let refusal = Refusal::host(status, "The method is not supported.");
            return Err(refusal.with(ALLOW, HeaderValue::from_static("GET, HEAD")));
        }
        let ready = !self.stopping.load(Ordering::Relaxed);
        let (content_type, body) = match probe {
            Probe::Live => (TEXT, "live\n".into()),
            Probe::Ready if ready => (TEXT, "ready\n".into()),
            Probe::Ready => (TEXT, "stopping\n".into()),
            Probe::Details => (JSON, self.details(ready, releases).await),
        };
        let mut reply = Response::new(Either::Left(Full::new(body)));
        if !ready && probe != Probe::Live {
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        reply.headers_mut().insert(CONTENT_TYPE, content_type);
        reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        Ok(reply)
    }

    async fn details(&self, ready: bool, releases: &[Arc<Release>]) -> Bytes {
        let stores = self.ask_stores(releases).await;
        let plugins = releases.iter().map(|release| Plugin {
            name: &release.manifest.name,
            version: &release.version,
        });
        let details = Details {
            ready,
            region: &self.region,
            clock: self.clock.skew().map(|skew| Clock {
                skew_ms: skew.milliseconds,
                periodic_work: !self.clock.is_off(),
            }),
            plugins: plugins.collect(),
            stores,
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
            let store = self.keyvalue.as_ref()?;
            Some(Store {
                name: "buckets",
                kind: store.kind(),
                plugin: None,
                answers: in_time(store.ping()).await,
                breaker: store.health().map(|health| health.circuit),
            })
        };
        let limits = async {
            Some(Store {
                name: "rate-limits",
                kind: "redis",
                plugin: None,
                answers: in_time(self.limiter.ping()?).await,
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
