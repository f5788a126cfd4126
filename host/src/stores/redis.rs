//! The way to Redis: one server or a cluster, chosen by URL.
//!
//! Nothing here waits for Redis at start, and a connection that breaks is made
//! again by itself: Redis may be down at any time, and costs only what needs
//! it. One that does not answer is left alone, see [`breaker`](super::breaker),
//! and looked for by new connections: the old one may be open and lead nowhere.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline,
    ProtocolVersion, RedisError, RedisFuture, RedisResult, ScriptInvocation, ServerErrorKind,
    Value,
};

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

/// The text is no URL of Redis. It may hold a password, so no message quotes it.
#[derive(Debug, thiserror::Error)]
#[error("the URL of Redis is not one or more of redis://host:port or rediss://host:port: {0}")]
pub struct UrlError(String);

/// One Redis server or cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    place: Place,
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

/// Where Redis is.
enum Place {
    Server(Box<ConnectionInfo>),
    Cluster(Vec<ConnectionInfo>),
}

#[derive(Clone)]
enum Connection {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Redis at `urls`: one URL of a server, or several of a cluster's nodes,
    /// separated by commas. Logs call it `name`. Connects with the first
    /// command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: &str, name: &str, patience: Patience) -> Result<Self, UrlError> {
        // TLS takes the process's provider of cryptography. It is there
        // already if this fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes: RedisResult<Vec<_>> = urls.split(',').map(connection_info).collect();
        let nodes = nodes.map_err(url_error)?;
        let place = match <[ConnectionInfo; 1]>::try_from(nodes) {
            Ok([server]) => Place::Server(Box::new(server)),
            Err(nodes) => Place::Cluster(nodes),
        };
        let connection = place.connect(patience).map_err(url_error)?;
        Ok(Self(Arc::new(Shared {
            place,
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
        let most = match &self.0.place {
            Place::Server(_) => 1,
            Place::Cluster(nodes) => nodes.len(),
        };
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
        self.run::<Value>(&redis::cmd("PING")).await?;
        Ok(())
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
        if matches!(self.0.place, Place::Server(_)) {
            return Ok(vec![0]);
        }
        let ranges: Vec<Vec<Value>> = self.run(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        lowest_slots(ranges)
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
                outcome => outcome,
            }
        };
        let limit = shared.patience.connect + shared.patience.response;
        let outcome = match tokio::time::timeout(limit, attempts).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
        };
        match &outcome {
            Err(error) if error.is_io_error() => self.failed(error),
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
    /// Use a new connection, unless somebody has replaced `old` already: the
    /// server at its other end became a replica, and the name may lead to the
    /// new primary by now.
    fn renew(&self, old: &Arc<Connection>) {
        match self.place.connect(self.patience) {
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
        let mut new = shared.place.connect(shared.patience)?;
        redis::cmd("PING").query_async::<Value>(&mut new).await?;
        shared.connection.store(Arc::new(new));
        Ok(())
    }
}

/// Whether the answer is that of a server that takes no changes, since it
/// follows another one.
fn is_replica(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

impl Place {
    /// Begin to connect, without waiting for it.
    fn connect(&self, patience: Patience) -> RedisResult<Connection> {
        match self {
            Self::Server(server) => {
                connect_server((**server).clone(), patience).map(Connection::Server)
            }
            Self::Cluster(nodes) => {
                connect_cluster(nodes.clone(), patience).map(Connection::Cluster)
            }
        }
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

fn connect_server(server: ConnectionInfo, patience: Patience) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(patience.connect))
        .set_response_timeout(Some(patience.response))
        .set_pipeline_buffer_size(COMMANDS_AT_ONCE)
        // Who finds Redis gone is told so at once; the next one tries again.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(Client::open(server)?, config)
}

fn connect_cluster(
    nodes: Vec<ConnectionInfo>,
    patience: Patience,
) -> RedisResult<ClusterConnection> {
    let client = ClusterClient::builder(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp_settings())
        .retries(REDIRECTIONS)
        .min_retry_wait(REDIRECTION_WAIT_MS)
        .max_retry_wait(REDIRECTION_WAIT_MS)
        .build()?;
    let config = ClusterConfig::new()
        .set_connection_timeout(patience.connect)
        .set_response_timeout(patience.response);
    Ok(client.get_pending_async_connection_with_config(config))
}

/// In RESP3 a connection that breaks is made again before anybody needs it.
pub(super) fn connection_info(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.trim().into_connection_info()?;
    let settings = info.redis_settings().clone();
    Ok(info
        .set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3))
        .set_tcp_settings(tcp_settings()))
}

fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(SILENCE);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
        .set_user_timeout(SILENCE)
}

pub(super) fn url_error(error: RedisError) -> UrlError {
    UrlError(error.category().to_owned())
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

    #[tokio::test]
    async fn one_url_is_a_server_and_several_are_a_cluster() {
        for url in ["redis://a", "rediss://user:secret@a:6380/2"] {
            let redis = Redis::open(url, "a", PATIENCE).expect(url);
            assert!(matches!(redis.0.place, Place::Server(_)), "{url}");
        }
        let redis = Redis::open("redis://a, redis://b", "a", PATIENCE).expect("two");
        assert!(matches!(redis.0.place, Place::Cluster(_)));
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
