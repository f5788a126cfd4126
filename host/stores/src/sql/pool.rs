//! Connection pools for MySQL servers, one for each grant.
//!
//! sqlx's own pool pings each connection that is returned, which adds a round
//! trip to every statement. This pool takes connections back as they are.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use deadpool::Runtime;
use deadpool::managed::{
    self, Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType,
    Timeouts, WeakPool,
};
use futures_util::FutureExt;
use sqlx::{Connection, MySqlConnection};
use tokio::sync::OwnedSemaphorePermit;

use super::Connections;
use super::budget::Budget;
use super::health::Health;
use super::mysql::{Server, Target};
use super::queueing::{is_queued, set_queued};
use crate::sql::Lifetimes;

/// Time limit for waiting for a connection, and for opening a new one.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Idle time after which a connection is pinged before reuse. One that was used
/// more recently is not, which saves a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(15);

/// Time limit for the ping of an idle connection, and for closing a spare
/// connection cleanly.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Shortest and longest delay before connecting again to a server that refuses
/// connections, as servers do while they start.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// Longest interval between searches for connections to close.
const LOOK: Duration = Duration::from_secs(60);

/// Reason that a pool returned no connection, carried as an I/O error of the
/// driver.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    /// Every connection of the pool stayed in use.
    #[error(
        "all {most} connections of this pool were in use for {}, and {waiting} request(s) wait \
         for one",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    AllInUse {
        /// Largest number of connections that the pool may open.
        most: usize,
        /// Requests that wait, including this one.
        waiting: usize,
    },
    /// The plugins of this node used all connections that they may have
    /// together.
    #[error(
        "the {most} connections that this node's plugins may have together \
         (database_connections_total) were in use for {}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    BoundReached {
        /// Largest number of connections of all plugins.
        most: u32,
    },
    /// No connection could be opened in time.
    #[error(
        "no connection could be made within {}: {why}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    NotMade {
        /// Error of the last attempt, or that the server did not answer.
        why: String,
    },
}

impl From<NoConnection> for sqlx::Error {
    fn from(error: NoConnection) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, error))
    }
}

/// Returns the reason that a pool returned no connection, if `error` carries
/// one.
pub(super) fn no_connection(error: &std::io::Error) -> Option<&NoConnection> {
    error.get_ref()?.downcast_ref()
}

/// Size of a pool and lifetimes of its connections.
#[derive(Clone)]
pub(super) struct PoolOptions {
    pub(super) max_connections: u32,
    pub(super) lifetimes: Lifetimes,
    /// Limit that all plugins of the node share; none for the host's own pools.
    pub(super) budget: Option<Arc<Budget>>,
}

/// Pool that opens connections on demand. The most recently used connection is
/// handed out first, so that spare ones become idle.
#[derive(Clone)]
pub(super) struct Pool(managed::Pool<Connector>);

/// A connection taken from a pool, returned when dropped.
pub(super) type PoolConnection = Object<Connector>;

/// Opens connections, and checks them before reuse.
pub(super) struct Connector {
    target: Target,
    server: Server,
    /// Held while a statement is cancelled, since that uses one connection
    /// beyond the limit of the pool.
    cancelling: tokio::sync::Mutex<()>,
    max_lifetime: Duration,
    health: Arc<Health>,
    /// Limit that all plugins share; none for the host's own pools.
    budget: Option<Arc<Budget>>,
    /// Error of the last refused attempt to connect, while connecting is
    /// retried.
    refusal: Mutex<Option<String>>,
}

impl Pool {
    /// Creates an empty pool of connections to `target`. Must be called within
    /// a tokio runtime, on which it spawns a task that closes spare
    /// connections.
    pub(super) fn new(
        target: Target,
        server: Server,
        pool: PoolOptions,
        health: Arc<Health>,
    ) -> Self {
        let PoolOptions {
            max_connections,
            lifetimes,
            budget,
        } = pool;
        let connector = Connector {
            target,
            server,
            cancelling: tokio::sync::Mutex::default(),
            max_lifetime: lifetimes.max_lifetime,
            health,
            budget: budget.clone(),
            refusal: Mutex::default(),
        };
        let timeouts = Timeouts {
            wait: Some(ACQUIRE_TIMEOUT),
            create: Some(ACQUIRE_TIMEOUT),
            recycle: None,
        };
        let pool = managed::Pool::builder(connector)
            .max_size(max_connections.max(1) as usize)
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build();
        #[expect(clippy::expect_used, reason = "fails only without a runtime")]
        let pool = pool.expect("the pool has a runtime");
        if let Some(budget) = &budget {
            budget.add(pool.weak());
        }
        tokio::spawn(close_spare(pool.weak(), lifetimes));
        Self(pool)
    }

    /// Waits for a free connection or opens one.
    pub(super) async fn take(&self) -> sqlx::Result<PoolConnection> {
        set_queued(true);
        let taken = self.0.get().await;
        let taken = taken.map_err(|error| self.failure(error));
        set_queued(false);
        taken
    }

    fn failure(&self, error: PoolError<sqlx::Error>) -> sqlx::Error {
        match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => sqlx::Error::PoolClosed,
            PoolError::Timeout(TimeoutType::Wait) => {
                let now = self.0.status();
                let (most, waiting) = (now.max_size, now.waiting + 1);
                NoConnection::AllInUse { most, waiting }.into()
            }
            _ => self.0.manager().none_made().into(),
        }
    }

    /// Returns the numbers of connections of the pool.
    pub(super) fn connections(&self) -> Connections {
        let now = self.0.status();
        Connections {
            used: now.size.saturating_sub(now.available),
            idle: now.available,
            waiting: now.waiting,
            most: now.max_size,
        }
    }

    /// Closes idle connections now and the others when they are returned.
    pub(super) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        leave(idle).await;
    }
}

/// A connection that counts towards the shared limit, if there is one.
pub(super) struct Counted {
    connection: MySqlConnection,
    /// Connection id, for servers that need a KILL QUERY to end a statement.
    id: Option<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Counted {
    /// Returns the connection, which then no longer counts towards the limit.
    pub(super) fn into_inner(self) -> MySqlConnection {
        self.connection
    }
}

impl Deref for Counted {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.connection
    }
}

impl DerefMut for Counted {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }
}

impl Connector {
    /// Waits for a permit to open one more connection, within the time limit
    /// for opening it.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let budget = self.budget.as_ref()?;
        if let Some(permit) = budget.try_acquire() {
            return Some(permit);
        }
        set_queued(true);
        Some(budget.acquire().await)
    }

    async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(SHORTEST)
            .with_max_delay(LONGEST)
            .without_max_times();
        let connecting = (|| self.target.connect()).retry(pauses).when(is_refusal);
        self.note_refusal(None);
        let note = |error: &sqlx::Error, _| self.note_refusal(Some(error.to_string()));
        let connection = connecting.notify(note).await?;
        self.note_refusal(None);
        Ok(connection)
    }
}

impl Connector {
    fn note_refusal(&self, refusal: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    /// Returns the reason that no connection was opened in time for the current
    /// call.
    fn none_made(&self) -> NoConnection {
        if let Some(budget) = self.budget.as_ref().filter(|_| is_queued()) {
            let most = budget.most();
            return NoConnection::BoundReached { most };
        }
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let why = refusal.clone();
        let why = why.unwrap_or_else(|| "the server did not answer".to_owned());
        NoConnection::NotMade { why }
    }
}

fn is_refusal(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Slow paths are boxed, which keeps the futures of all requests small.
impl Manager for Connector {
    type Type = Counted;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<Counted> {
        let making = async {
            let permit = self.permit().await;
            set_queued(false);
            let mut connection = self.connect().await?;
            let id = self.server.connection_id(&mut connection).await?;
            Ok(Counted {
                connection,
                id,
                _permit: permit,
            })
        };
        making.boxed().await
    }

    async fn recycle(
        &self,
        connection: &mut Counted,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        set_queued(false);
        let age = metrics.age();
        if age > self.max_lifetime || !self.health.is_valid(age) {
            return Err(RecycleError::message("too old"));
        }
        if metrics.last_used() <= TRUSTED_IDLE {
            return Ok(());
        }
        match answers(connection, PING_TIMEOUT).boxed().await {
            true => Ok(()),
            false => Err(RecycleError::message("does not answer")),
        }
    }
}

/// Returns whether `connection` answers a ping within `patience`. Unread parts
/// of an earlier answer are read first.
pub(super) async fn answers(connection: &mut MySqlConnection, patience: Duration) -> bool {
    let answer = tokio::time::timeout(patience, connection.ping()).await;
    matches!(answer, Ok(Ok(())))
}

/// Returns a future that ends the statement running on `connection`, if the
/// server does not do so itself. Statements of one pool are cancelled one at a
/// time. Fails with the driver's errors; the statement may then still be running.
pub(super) fn cancel(
    connection: &PoolConnection,
) -> impl Future<Output = sqlx::Result<()>> + Send + use<> {
    let known = connection.id.zip(Object::pool(connection));
    async move {
        let Some((id, pool)) = known else {
            return Ok(());
        };
        let connector = pool.manager();
        let _one_at_a_time = connector.cancelling.lock().await;
        connector.target.kill_query(id).await
    }
}

/// Closes connections that exceed their idle timeout or lifetime, periodically.
async fn close_spare(pool: WeakPool<Connector>, lifetimes: Lifetimes) {
    let Lifetimes {
        idle_timeout,
        max_lifetime,
    } = lifetimes;
    loop {
        tokio::time::sleep(LOOK.min(idle_timeout).min(max_lifetime)).await;
        let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else {
            return;
        };
        let kept = pool.retain(|_, metrics| {
            metrics.last_used() < idle_timeout && metrics.age() <= max_lifetime
        });
        drop(pool);
        leave(kept.removed).await;
    }
}

/// Closes connections cleanly, because servers count aborted connections as
/// errors.
async fn leave(connections: Vec<Counted>) {
    for Counted {
        connection,
        id: _,
        _permit,
    } in connections
    {
        let closed = tokio::time::timeout(PING_TIMEOUT, connection.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "a connection breaks off at its end");
        }
    }
}
