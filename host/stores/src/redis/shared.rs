//! State that the clones of a client share: its connection, and what is known of the server.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use redis::{ErrorKind, RedisError, RedisResult, Value};

use super::Timeouts;
use super::connection::Connection;
use super::errors::{is_login_refusal, is_replica, is_unknown_database, is_unreachable};
use super::resend::Effect;
use super::urls::Nodes;
use crate::breaker::{Breaker, recover};
use crate::refusals::Refusals;
use crate::source::Source;

/// State of a client, which its clones share.
pub(super) struct Shared {
    pub(super) nodes: Nodes,
    /// Source of the URLs, whose user and password may change.
    pub(super) source: Source,
    /// True if the one server that was named turned out to be a cluster's node.
    pub(super) is_cluster: AtomicBool,
    /// True if the server has told that it is not part of a cluster.
    pub(super) is_alone: AtomicBool,
    pub(super) began: Instant,
    /// Second since `began` in which a cluster was last asked again for its nodes.
    pub(super) looked: AtomicU64,
    /// Current connection, which is replaced when it is of no more use.
    pub(super) connection: ArcSwap<Connection>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) refusals: Refusals,
    pub(super) timeouts: Timeouts,
    /// Commands that have been sent and not answered.
    pub(super) in_flight: AtomicUsize,
}

/// Guard of a command that is in flight.
pub(super) struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    /// Counts a command until the guard is dropped.
    pub(super) fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// Opens the first connection to `nodes`, which `source` names.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub(super) fn open(
        nodes: Nodes,
        source: Source,
        name: &str,
        timeouts: Timeouts,
    ) -> RedisResult<Self> {
        let connection = Connection::open(&nodes, nodes.is_cluster, timeouts)?;
        Ok(Self {
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
        })
    }

    /// Records that Redis did not answer, for callers whose time limit is shorter than the
    /// client's.
    pub(super) fn failed(self: &Arc<Self>, why: &dyn Display) {
        if self.breaker.failed(why) {
            let weak = Arc::downgrade(self);
            let breaker = Arc::downgrade(&self.breaker);
            tokio::spawn(recover(breaker, move || Self::reconnect(weak.clone())));
        }
    }

    /// Records the outcome of a command on `connection`, and replaces the connection if it is of
    /// no more use.
    pub(super) fn learn_from(
        self: &Arc<Self>,
        effect: Effect,
        outcome: &RedisResult<Value>,
        connection: &Arc<Connection>,
    ) {
        match outcome {
            Err(error) if is_unreachable(error) || is_login_refusal(error) => {
                self.failed(error);
                self.look_again(connection);
            }
            Err(error) if is_replica(error) => {
                self.breaker.succeeded();
                self.refused(error);
                self.renew(connection);
            }
            answer => {
                self.breaker.succeeded();
                self.note(effect, answer);
            }
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
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
    pub(super) fn become_cluster(&self, old: &Arc<Connection>) {
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
