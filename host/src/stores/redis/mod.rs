//! The way to Redis: one server or a cluster, chosen by URL.
//!
//! Nothing here waits for Redis at start, and a connection that breaks is made
//! again by itself: Redis may be down at any time, and costs only what needs
//! it. One that does not answer is left alone, see [`breaker`](super::breaker),
//! and looked for by new connections: the old one may be open and lead nowhere.

mod eviction;
mod urls;

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion, RedisError, RedisFuture,
    RedisResult, ScriptInvocation, ServerErrorKind, Value,
};

pub use eviction::warn_of_eviction;
pub use urls::UrlError;
use urls::tcp_settings;
pub(super) use urls::{Nodes, url_error};

use super::breaker::{Breaker, Circuit, StoreHealth, recover};
use super::sql::Connections;

/// Commands on their way at once: more of them wait in the host.
const COMMANDS_AT_ONCE: usize = 1024;

/// How often a cluster's client goes after a key that has moved.
const REDIRECTIONS: u32 = 4;

/// Time between such attempts, in milliseconds.
const REDIRECTION_WAIT_MS: u64 = 50;

/// How long the kernel waits for a peer that acknowledges nothing.
const SILENCE: Duration = Duration::from_secs(5);

/// How long to wait for Redis, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer.
    pub response: Duration,
    /// Failures in a row after which it is left alone until it answers.
    pub failures: u32,
}

/// One Redis server or cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    nodes: Nodes,
    /// Whether the one server that was named turned out to be a cluster's node.
    is_cluster: AtomicBool,
    /// Whether it has said that it is not.
    is_alone: AtomicBool,
    began: Instant,
    /// The second since `began` in which a cluster was last asked for its nodes
    /// again.
    looked: AtomicU64,
    /// What commands use; another takes its place when it leads nowhere.
    connection: ArcSwap<Connection>,
    breaker: Arc<Breaker>,
    patience: Patience,
    /// Commands on their way.
    in_flight: AtomicUsize,
}

/// A command on its way, until this is dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
enum Connection {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Redis at `urls`: one URL of a server, or of a cluster (`redis-cluster://`),
    /// or several of a cluster's nodes, separated by commas. A server that
    /// proves to be a cluster's node is one from then on. Logs call it `name`.
    /// Connects with the first command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: &str, name: &str, patience: Patience) -> Result<Self, UrlError> {
        // TLS takes the process's provider of cryptography. It is there
        // already if this fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes = Nodes::parse(urls)?;
        let connection = connect(&nodes, nodes.is_cluster, patience).map_err(url_error)?;
        Ok(Self(Arc::new(Shared {
            is_cluster: AtomicBool::new(nodes.is_cluster),
            is_alone: AtomicBool::new(false),
            began: Instant::now(),
            looked: AtomicU64::new(0),
            nodes,
            connection: ArcSwap::from_pointee(connection),
            breaker: Arc::new(Breaker::new(name, patience.failures)),
            patience,
            in_flight: AtomicUsize::new(0),
        })))
    }

    /// Returns the connections: one, or one for each node of a cluster that
    /// was named, which carries all commands. Those past the first that are on
    /// their way wait for no connection, and for an answer.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let most = self.0.nodes.nodes.len();
        let commands = self.0.in_flight.load(Ordering::Relaxed);
        let open = match self.0.breaker.circuit() {
            Circuit::Closed => most,
            Circuit::Open => 0,
        };
        let used = commands.min(open);
        Connections {
            used,
            idle: open - used,
            waiting: commands - used,
            most,
        }
    }

    /// How it does.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.0.breaker.health()
    }

    /// Run one command. In a cluster, its keys say where.
    ///
    /// # Errors
    /// When Redis cannot be reached, takes too long, or refuses.
    pub async fn run<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        self.in_time(|mut connection| async move { command.query_async(&mut connection).await })
            .await
    }

    /// Whether Redis answers; in a cluster, every primary.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn ping(&self) -> RedisResult<()> {
        // Asked one by one: of a question to all, the driver leaves out those
        // that are gone.
        let ping = redis::cmd("PING");
        let primaries = self.primaries().await?;
        let asking = primaries
            .into_iter()
            .map(|slot| self.run_at::<Value>(slot, &ping));
        try_join_all(asking).await?;
        Ok(())
    }

    /// Whether keys are on several nodes, which a server says when it is asked
    /// for the first time.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn has_many_nodes(&self) -> RedisResult<bool> {
        if !self.0.is_cluster() && !self.0.is_alone.load(Ordering::Relaxed) {
            self.primaries().await?;
        }
        Ok(self.0.is_cluster())
    }

    /// Run a script, and send its text where it is not known yet.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        self.in_time(|mut connection| async move { script.invoke_async(&mut connection).await })
            .await
    }

    /// Run a command on the primary that holds `slot`: the only server, where
    /// there is no cluster.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_at<T: FromRedisValue>(&self, slot: u16, command: &Cmd) -> RedisResult<T> {
        self.in_time(|connection| async move {
            match connection {
                Connection::Server(mut server) => command.query_async(&mut server).await,
                Connection::Cluster(mut cluster) => {
                    let route = Route::new(slot, SlotAddr::Master);
                    let node = SingleNodeRoutingInfo::SpecificNode(route);
                    let routing = RoutingInfo::SingleNode(node);
                    let value = cluster.route_command(command.clone(), routing).await?;
                    Ok(T::from_redis_value(value.extract_error()?)?)
                }
            }
        })
        .await
    }

    /// The lowest slot of each primary, in order; one server has slot 0.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn primaries(&self) -> RedisResult<Vec<u16>> {
        let shared = &self.0;
        if !shared.is_cluster() && shared.is_alone.load(Ordering::Relaxed) {
            return Ok(vec![0]);
        }
        let connection = shared.connection.load_full();
        let ranges: RedisResult<Vec<Vec<Value>>> =
            self.run(redis::cmd("CLUSTER").arg("SLOTS")).await;
        match ranges {
            Ok(ranges) => {
                shared.become_cluster(&connection);
                lowest_slots(ranges)
            }
            Err(error) if shared.is_cluster() || is_no_answer(&error) => Err(error),
            // No part of a cluster, or the user may not ask for more of it.
            Err(_) => {
                shared.is_alone.store(true, Ordering::Relaxed);
                Ok(vec![0])
            }
        }
    }

    /// Every command ends in time, whatever becomes of the connection. One
    /// that was refused a connection was never sent: it is tried again, since
    /// the refusal may be that of an attempt long ago.
    async fn in_time<T, F>(&self, attempt: impl Fn(Connection) -> F) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let shared = &self.0;
        shared.breaker.admit().map_err(std::io::Error::other)?;
        let _in_flight = InFlight::begin(&shared.in_flight);
        let connection = shared.connection.load_full();
        let attempts = async {
            match attempt((*connection).clone()).await {
                Err(error) if error.is_connection_refusal() => attempt((*connection).clone()).await,
                Err(error) if is_from_cluster(&error) && connection.is_server() => {
                    shared.become_cluster(&connection);
                    attempt((*shared.connection.load_full()).clone()).await
                }
                outcome => outcome,
            }
        };
        let limit = shared.patience.connect + shared.patience.response;
        let outcome = match tokio::time::timeout(limit, attempts).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
        };
        match &outcome {
            Err(error) if is_unreachable(error) => {
                self.failed(error);
                shared.look_again(&connection);
            }
            Err(error) if is_replica(error) => {
                shared.breaker.succeeded();
                shared.renew(&connection);
            }
            _ => shared.breaker.succeeded(),
        }
        outcome
    }

    /// Say that Redis did not answer: for whoever waits for less than it may
    /// take.
    pub fn failed(&self, why: &dyn Display) {
        if self.0.breaker.failed(why) {
            let weak = Arc::downgrade(&self.0);
            let breaker = Arc::downgrade(&self.0.breaker);
            tokio::spawn(recover(breaker, move || Shared::reconnect(weak.clone())));
        }
    }
}

impl Shared {
    fn is_cluster(&self) -> bool {
        self.is_cluster.load(Ordering::Acquire)
    }

    /// From now on, ask the whole cluster that the server is a node of. When
    /// this returns, `old` is not used any more, whoever saw to it.
    fn become_cluster(&self, old: &Arc<Connection>) {
        if !self.is_cluster.swap(true, Ordering::AcqRel) {
            tracing::info!("Redis is a cluster: all of its nodes are asked");
        }
        if old.is_server() {
            self.renew(old);
        }
    }

    /// Let a cluster's client ask again which node has what, at most once in a
    /// second: a primary that is gone may have been replaced.
    fn look_again(&self, old: &Arc<Connection>) {
        let seconds = self.began.elapsed().as_secs();
        let is_due = || self.looked.swap(seconds, Ordering::Relaxed) != seconds;
        if self.is_cluster() && is_due() {
            self.renew(old);
        }
    }

    /// Use a new connection, unless somebody has replaced `old` already: the
    /// server at its other end became a replica, and the name may lead to the
    /// new primary by now.
    fn renew(&self, old: &Arc<Connection>) {
        match connect(&self.nodes, self.is_cluster(), self.patience) {
            Ok(new) => {
                self.connection.compare_and_swap(old, Arc::new(new));
            }
            Err(error) => tracing::debug!(%error, "no new connection to Redis"),
        }
    }

    /// Use a new connection, once Redis answers on it.
    async fn reconnect(shared: Weak<Self>) -> RedisResult<()> {
        let gone = || RedisError::from((ErrorKind::Client, "nobody needs it any more"));
        let shared = shared.upgrade().ok_or_else(gone)?;
        let new = connect(&shared.nodes, shared.is_cluster(), shared.patience)?;
        let ping = redis::cmd("PING");
        match new.clone() {
            Connection::Server(mut server) => ping.query_async::<Value>(&mut server).await?,
            // One node that is gone must not cost the keys of all others.
            Connection::Cluster(mut cluster) => {
                let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                cluster.route_command(ping, any).await?.extract_error()?
            }
        };
        shared.connection.store(Arc::new(new));
        Ok(())
    }
}

impl Connection {
    fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

/// Whether `error` tells nothing of what the server is: nobody answered, or one
/// that is still loading what it has.
fn is_no_answer(error: &RedisError) -> bool {
    is_unreachable(error) || error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
}

/// Whether nobody answered: no server, or no node of a cluster for the key.
fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}

/// Whether the answer is that of a server that takes no changes, since it
/// follows another one.
fn is_replica(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Whether the answer is one that only a cluster's node gives, to a client that
/// does not know it for one.
fn is_from_cluster(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot
        )
    )
}

/// Begin to connect, without waiting for it.
fn connect(nodes: &Nodes, is_cluster: bool, patience: Patience) -> RedisResult<Connection> {
    match is_cluster {
        true => connect_cluster(nodes, patience).map(Connection::Cluster),
        false => connect_server(nodes.first()?, patience).map(Connection::Server),
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(server) => server.req_packed_command(cmd),
            Self::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(server) => server.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(server) => server.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}

fn connect_server(server: Client, patience: Patience) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(patience.connect))
        .set_response_timeout(Some(patience.response))
        .set_pipeline_buffer_size(COMMANDS_AT_ONCE)
        // Who finds Redis gone is told so at once; the next one tries again.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(server, config)
}

fn connect_cluster(nodes: &Nodes, patience: Patience) -> RedisResult<ClusterConnection> {
    let builder = ClusterClient::builder(nodes.nodes.clone())
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp_settings())
        .retries(REDIRECTIONS)
        .min_retry_wait(REDIRECTION_WAIT_MS)
        .max_retry_wait(REDIRECTION_WAIT_MS);
    let builder = match &nodes.certificates {
        None => builder,
        Some(certificates) => builder.certs(certificates.clone()),
    };
    let config = ClusterConfig::new()
        .set_connection_timeout(patience.connect)
        .set_response_timeout(patience.response);
    Ok(builder
        .build()?
        .get_pending_async_connection_with_config(config))
}

/// From what `CLUSTER SLOTS` says: for each range its first and last slot, its
/// primary and its replicas.
fn lowest_slots(mut ranges: Vec<Vec<Value>>) -> RedisResult<Vec<u16>> {
    let malformed = || RedisError::from((ErrorKind::UnexpectedReturnType, "CLUSTER SLOTS"));
    let mut lowest: Vec<(Value, u16)> = Vec::new();
    for range in &mut ranges {
        let [first, _, primary, ..] = range.as_mut_slice() else {
            return Err(malformed());
        };
        let first = u16::from_redis_value(std::mem::replace(first, Value::Nil))?;
        match lowest.iter_mut().find(|(node, _)| node == primary) {
            Some((_, slot)) => *slot = first.min(*slot),
            None => lowest.push((std::mem::replace(primary, Value::Nil), first)),
        }
    }
    let mut slots: Vec<u16> = lowest.into_iter().map(|(_, slot)| slot).collect();
    slots.sort_unstable();
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(1),
        failures: 3,
    };

    #[tokio::test]
    async fn a_wrong_url_is_refused_and_not_quoted() {
        for url in ["", "http://secret@host", "redis://a,", "redis://[secret"] {
            let refusal = Redis::open(url, "a", PATIENCE)
                .err()
                .expect(url)
                .to_string();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn a_primary_is_known_by_its_lowest_slot() {
        let range = |first, last, node: &str| {
            let node = Value::Array(vec![Value::SimpleString(node.into())]);
            vec![Value::Int(first), Value::Int(last), node]
        };
        let ranges = vec![
            range(5000, 5999, "a"),
            range(6000, 16383, "b"),
            range(0, 4999, "a"),
        ];
        assert_eq!(lowest_slots(ranges).expect("well-formed"), [0, 6000]);
        assert!(lowest_slots(vec![vec![Value::Int(0)]]).is_err());
    }
}
