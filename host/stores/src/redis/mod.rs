//! The way to Redis: one server or a cluster, chosen by URL.
//!
//! Nothing here waits for Redis at start, and a connection that breaks is made
//! again by itself: Redis may be down at any time, and costs only what needs
//! it. One that does not answer is left alone, see [`breaker`](super::breaker),
//! and looked for by new connections: the old one may be open and lead nowhere.

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

/// How long the kernel waits for a peer that acknowledges nothing.
const SILENCE: Duration = Duration::from_secs(5);

/// How long to wait for Redis, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
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
    /// Where the URLs are, whose user and password may become others.
    source: Source,
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
    refusals: Refusals,
    patience: Timeouts,
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

impl Redis {
    /// Redis at `urls`: one URL of a server, or of a cluster (`redis-cluster://`),
    /// or several of a cluster's nodes, separated by commas. A server that
    /// proves to be a cluster's node is one from then on. Logs call it `name`.
    /// Connects with the first command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: impl Into<Source>, name: &str, patience: Timeouts) -> Result<Self, UrlError> {
        let source = urls.into();
        // TLS takes the process's provider of cryptography. It is there
        // already if this fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes = Nodes::parse(source.text())?;
        let connection = Connection::open(&nodes, nodes.is_cluster, patience).map_err(url_error)?;
        Ok(Self(Arc::new(Shared {
            is_cluster: AtomicBool::new(nodes.is_cluster),
            is_alone: AtomicBool::new(false),
            began: Instant::now(),
            looked: AtomicU64::new(0),
            nodes,
            source,
            connection: ArcSwap::from_pointee(connection),
            breaker: Arc::new(Breaker::new(name, patience.failures)),
            refusals: Refusals::new(name),
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

    /// Returns in words that it refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.0.refusals.standing()
    }

    /// Runs a command that only reads. In a cluster, its keys say where.
    ///
    /// # Errors
    /// When Redis cannot be reached, takes too long, or refuses.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Read).await
        };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// Runs a command that changes something: once, or not at all. After an
    /// error of the connection, nobody knows which.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Change).await
        };
        parsed(self.in_time(Effect::Change, sending).await?)
    }

    /// Whether Redis answers; in a cluster, every primary.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn ping(&self) -> RedisResult<()> {
        // Asked one by one: of a question to all, the driver leaves out those
        // that are gone.
        let ping = redis::cmd("PING");
        let primaries = self.primaries().await?;
        let asking = primaries
            .into_iter()
            .map(|slot| self.query_at::<Value>(slot, &ping));
        try_join_all(asking).await?;
        Ok(())
    }

    /// Whether keys are on several nodes, which a server says when it is asked
    /// for the first time.
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

    /// Runs a command that only reads on the primary that holds `slot`: the
    /// only server, where there is no cluster.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_at<T: FromRedisValue>(&self, slot: u16, command: &Cmd) -> RedisResult<T> {
        let sending =
            |connection: Arc<Connection>| async move { connection.send_to(slot, command).await };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// The lowest slot of each primary, in order; one server has slot 0.
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
        let limit = shared.patience.connect + shared.patience.response;
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

    /// Takes note of whether changes are made. A question may be refused for its
    /// own sake, unless it cannot be asked of the database that the URL names.
    fn note(&self, effect: Effect, answer: &RedisResult<Value>) {
        let is_change = effect == Effect::Change;
        match answer {
            Ok(_) if is_change => self.refusals.succeeded(),
            Err(error) if is_change || is_unknown_database(error) => self.refused(error),
            _ => {}
        }
    }

    /// Says that the server answered a change with an error of its own.
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
        match self.connect() {
            Ok(new) => {
                self.connection.compare_and_swap(old, Arc::new(new));
            }
            Err(error) => tracing::debug!(%error, "no new connection to Redis"),
        }
    }

    /// Begins to connect, with the user and the password of this moment.
    fn connect(&self) -> RedisResult<Connection> {
        let nodes = match self.source.is_file() {
            false => self.nodes.clone(),
            true => self.nodes.with_login_in(&self.source)?,
        };
        Connection::open(&nodes, self.is_cluster(), self.patience)
    }

    /// Use a new connection, once Redis answers on it.
    async fn reconnect(shared: Weak<Self>) -> RedisResult<()> {
        let gone = || RedisError::from((ErrorKind::Client, "nobody needs it any more"));
        let shared = shared.upgrade().ok_or_else(gone)?;
        let new = shared.connect()?;
        new.ping().await?;
        shared.connection.store(Arc::new(new));
        Ok(())
    }
}

/// Returns an answer in the form that whoever asked wants.
fn parsed<T: FromRedisValue>(answer: Value) -> RedisResult<T> {
    Ok(T::from_redis_value(answer)?)
}

/// Whether a server does not know the script: it was started since, or its
/// scripts were dropped.
fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
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

/// Whether Redis does not let the user in: the password is wrong, or has become
/// so. The driver gives up then, and only another connection tries again.
fn is_login_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
}

/// Whether a server does not have the database with the number in the URL.
fn is_unknown_database(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("DB index is out of range")
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

    const PATIENCE: Timeouts = Timeouts {
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
