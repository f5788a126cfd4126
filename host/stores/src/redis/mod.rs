//! Client of Redis: one server or a cluster, chosen by URL.
//!
//! Nothing here waits for Redis at start, and a broken connection is reestablished automatically:
//! Redis may be down at any time, and only calls that need it fail. If it does not answer, a
//! [`breaker`](super::breaker) opens, whose probes use new connections, since the old one may be
//! open without a peer.

mod connection;
mod eviction;
mod redirect;
mod resend;
mod script;
mod url_list;
mod urls;

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value};

use connection::Connection;
pub use eviction::warn_of_eviction;
use resend::Effect;
pub use script::{Invocation, Script};
pub use url_list::{REDIS_SCHEMES, split_redis_urls};
pub use urls::UrlError;
pub(super) use urls::{Nodes, url_error};

use super::breaker::{Breaker, Circuit, StoreHealth, recover};
use super::refusals::Refusals;
use super::sql::Connections;
use crate::source::Source;

/// Time limit for the peer's kernel to acknowledge data.
const SILENCE: Duration = Duration::from_secs(5);

/// Time limits for Redis, and the limit of its breaker.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Time limit for a connection.
    pub connect: Duration,
    /// Time limit for an answer.
    pub response: Duration,
    /// Consecutive failures that open the breaker.
    pub failures: u32,
}

/// A client of one Redis server or cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    nodes: Nodes,
    /// Source of the URLs, whose user and password may change.
    source: Source,
    /// True if the one server that was named turned out to be a cluster's node.
    is_cluster: AtomicBool,
    /// True if the server has told that it is not part of a cluster.
    is_alone: AtomicBool,
    began: Instant,
    /// Second since `began` in which a cluster was last asked again for its nodes.
    looked: AtomicU64,
    /// Current connection, which is replaced when it is of no more use.
    connection: ArcSwap<Connection>,
    breaker: Arc<Breaker>,
    refusals: Refusals,
    timeouts: Timeouts,
    /// Commands that have been sent and not answered.
    in_flight: AtomicUsize,
}

/// Guard of a command that is in flight.
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

impl Redis {
    /// Returns a client of Redis at `urls`: one URL of a server, or of a cluster
    /// (`redis-cluster://`), or several of a cluster's nodes, separated by commas. A server that
    /// proves to be a cluster's node counts as a cluster from then on. Logs call the client `name`.
    /// Connects with the first command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: impl Into<Source>, name: &str, timeouts: Timeouts) -> Result<Self, UrlError> {
        let source = urls.into();
        // TLS uses the process's default cryptography provider. The call fails if one is installed
        // already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes = Nodes::parse(source.text())?;
        let connection = Connection::open(&nodes, nodes.is_cluster, timeouts).map_err(url_error)?;
        Ok(Self(Arc::new(Shared {
            is_cluster: AtomicBool::new(nodes.is_cluster),
            is_alone: AtomicBool::new(false),
            began: Instant::now(),
            looked: AtomicU64::new(0),
            nodes,
            source,
            connection: ArcSwap::from_pointee(connection),
            breaker: Arc::new(Breaker::new(name, timeouts.failures)),
            refusals: Refusals::new(name),
            timeouts,
            in_flight: AtomicUsize::new(0),
        })))
    }

    /// Returns the connections: one, or one for each node of a cluster that was named; each carries
    /// any number of commands. Commands beyond their number wait for answers, and not for a
    /// connection.
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

    /// Returns the health of Redis.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.0.breaker.health()
    }

    /// Returns the reason for which Redis refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.0.refusals.standing()
    }

    /// Runs a command that only reads. In a cluster, its keys determine the node.
    ///
    /// # Errors
    /// When Redis cannot be reached, takes too long, or refuses.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Read).await
        };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// Runs a command that changes something, once or not at all. After an error of the connection,
    /// it is unknown which.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Change).await
        };
        parsed(self.in_time(Effect::Change, sending).await?)
    }

    /// Checks that Redis answers; in a cluster, that every primary does.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn ping(&self) -> RedisResult<()> {
        // Primaries are asked one by one, since the driver's command to all nodes leaves out those
        // that are down.
        let ping = redis::cmd("PING");
        let primaries = self.primaries().await?;
        let asking = primaries
            .into_iter()
            .map(|slot| self.query_at::<Value>(slot, &ping));
        try_join_all(asking).await?;
        Ok(())
    }

    /// Returns whether keys are spread over several nodes, which the first call asks the server.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn has_many_nodes(&self) -> RedisResult<bool> {
        if !self.0.is_cluster() && !self.0.is_alone.load(Ordering::Relaxed) {
            self.primaries().await?;
        }
        Ok(self.0.is_cluster())
    }

    /// Runs a script, once or not at all, as [`execute`](Self::execute) does.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn run_script<T: FromRedisValue>(&self, script: &Invocation<'_>) -> RedisResult<T> {
        let command = script.by_digest();
        let sending = |connection: Arc<Connection>| {
            let command = &command;
            async move {
                match connection.send(command, Effect::Change).await {
                    Err(error) if is_unknown_script(&error) => {
                        connection.send(&script.by_text(), Effect::Change).await
                    }
                    answer => answer,
                }
            }
        };
        parsed(self.in_time(Effect::Change, sending).await?)
    }

    /// Runs a command that only reads on the primary that holds `slot`, or on the only server
    /// without a cluster.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_at<T: FromRedisValue>(&self, slot: u16, command: &Cmd) -> RedisResult<T> {
        let sending =
            |connection: Arc<Connection>| async move { connection.send_to(slot, command).await };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// Returns the lowest slot of each primary, in order; a single server has slot 0.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn primaries(&self) -> RedisResult<Vec<u16>> {
        let shared = &self.0;
        if !shared.is_cluster() && shared.is_alone.load(Ordering::Relaxed) {
            return Ok(vec![0]);
        }
        let connection = shared.connection.load_full();
        let ranges: RedisResult<Vec<Vec<Value>>> =
            self.query(redis::cmd("CLUSTER").arg("SLOTS")).await;
        match ranges {
            Ok(ranges) => {
                shared.become_cluster(&connection);
                lowest_slots(ranges)
            }
            Err(error) if shared.is_cluster() || is_no_answer(&error) => Err(error),
            // The server is not part of a cluster, or the user is not allowed to ask for more of
            // it.
            Err(_) => {
                shared.is_alone.store(true, Ordering::Relaxed);
                Ok(vec![0])
            }
        }
    }

    /// Runs a command within the time limit, whatever happens to the connection. A command that
    /// found no connection was never sent: it is tried again, since the error may be that of an
    /// earlier attempt to connect.
    async fn in_time<F>(
        &self,
        effect: Effect,
        attempt: impl Fn(Arc<Connection>) -> F,
    ) -> RedisResult<Value>
    where
        F: Future<Output = RedisResult<Value>>,
    {
        let shared = &self.0;
        shared.breaker.admit().map_err(std::io::Error::other)?;
        let _in_flight = InFlight::begin(&shared.in_flight);
        let connection = shared.connection.load_full();
        let attempts = async {
            match attempt(connection.clone()).await {
                Err(error) if error.is_connection_refusal() && connection.is_server() => {
                    attempt(connection.clone()).await
                }
                Err(error) if is_from_cluster(&error) && connection.is_server() => {
                    shared.become_cluster(&connection);
                    attempt(shared.connection.load_full()).await
                }
                outcome => outcome,
            }
        };
        let limit = shared.timeouts.connect + shared.timeouts.response;
        let outcome = match tokio::time::timeout(limit, attempts).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
        };
        match &outcome {
            Err(error) if is_unreachable(error) || is_login_refusal(error) => {
                self.failed(error);
                shared.look_again(&connection);
            }
            Err(error) if is_replica(error) => {
                shared.breaker.succeeded();
                shared.refused(error);
                shared.renew(&connection);
            }
            answer => {
                shared.breaker.succeeded();
                shared.note(effect, answer);
            }
        }
        outcome
    }

    /// Records that Redis did not answer, for callers whose time limit is shorter than the
    /// client's.
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

    /// Records whether Redis accepts changes. An error of a read says nothing about that, unless
    /// the server does not have the database in the URL.
    fn note(&self, effect: Effect, answer: &RedisResult<Value>) {
        let is_change = effect == Effect::Change;
        match answer {
            Ok(_) if is_change => self.refusals.succeeded(),
            Err(error) if is_change || is_unknown_database(error) => self.refused(error),
            _ => {}
        }
    }

    /// Records that the server answered a change with an error of its own.
    fn refused(&self, error: &RedisError) {
        let Some(code) = error.code() else {
            return;
        };
        if is_unknown_database(error) {
            let reason = format!("{error} (redis_url names a database that it does not have)");
            self.refusals.refused("database", &reason);
        } else {
            self.refusals.refused(code, error);
        }
    }

    /// Switches to a client of the whole cluster that the server is a node of. Afterwards `old` is
    /// no longer used, even if another task has replaced it.
    fn become_cluster(&self, old: &Arc<Connection>) {
        if !self.is_cluster.swap(true, Ordering::AcqRel) {
            tracing::info!("Redis is a cluster: all of its nodes are asked");
        }
        if old.is_server() {
            self.renew(old);
        }
    }

    /// Makes a cluster's client read the slots again, at most once a second: a primary that is down
    /// may have been replaced.
    fn look_again(&self, old: &Arc<Connection>) {
        let seconds = self.began.elapsed().as_secs();
        let is_due = || self.looked.swap(seconds, Ordering::Relaxed) != seconds;
        if self.is_cluster() && is_due() {
            self.renew(old);
        }
    }

    /// Replaces the connection `old` by a new one, unless another task has done so: its server
    /// became a replica, and the name may resolve to the new primary by now.
    fn renew(&self, old: &Arc<Connection>) {
        match self.connect() {
            Ok(new) => {
                self.connection.compare_and_swap(old, Arc::new(new));
            }
            Err(error) => tracing::debug!(%error, "no new connection to Redis"),
        }
    }

    /// Starts to connect, with the current user and password.
    fn connect(&self) -> RedisResult<Connection> {
        let nodes = match self.source.is_file() {
            false => self.nodes.clone(),
            true => self.nodes.with_login_in(&self.source)?,
        };
        Connection::open(&nodes, self.is_cluster(), self.timeouts)
    }

    /// Replaces the connection by a new one, once Redis answers on that.
    async fn reconnect(shared: Weak<Self>) -> RedisResult<()> {
        let gone = || RedisError::from((ErrorKind::Client, "nobody needs it any more"));
        let shared = shared.upgrade().ok_or_else(gone)?;
        let new = shared.connect()?;
        new.ping().await?;
        shared.connection.store(Arc::new(new));
        Ok(())
    }
}

/// Converts an answer to the type that the caller expects.
fn parsed<T: FromRedisValue>(answer: Value) -> RedisResult<T> {
    Ok(T::from_redis_value(answer)?)
}

/// Returns whether a server does not know the script: it was restarted, or its scripts were
/// flushed.
fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Returns whether `error` tells nothing about the server: it was not reached, or is still loading
/// its data.
fn is_no_answer(error: &RedisError) -> bool {
    is_unreachable(error) || error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
}

/// Returns whether no server was reached, or no node of a cluster for the key.
fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}

/// Returns whether Redis rejects the login: the password is wrong, or has been changed. The driver
/// then gives up, and only another connection tries again.
fn is_login_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
}

/// Returns whether a server does not have the database with the number in the URL.
fn is_unknown_database(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("DB index is out of range")
}

/// Returns whether the answer is that of a replica, which accepts no changes.
fn is_replica(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Returns whether the answer is one that only a cluster's node gives, to a client that treats it
/// as a single server.
fn is_from_cluster(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot
        )
    )
}

/// Returns the lowest slot of each primary, from the reply to `CLUSTER SLOTS`: for each range its
/// first and last slot, its primary and its replicas.
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

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(1),
        failures: 3,
    };

    #[tokio::test]
    async fn a_wrong_url_is_refused_and_not_quoted() {
        for url in ["", "http://secret@host", "redis://a,", "redis://[secret"] {
            let refusal = Redis::open(url, "a", TIMEOUTS)
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
