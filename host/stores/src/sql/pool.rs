//! The connections of one grant to a MySQL server.
//!
//! sqlx's own pool asks each connection that comes back whether it still
//! lives, which is one more round trip for every statement. Here, one that has
//! done its work goes back as it is.

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

/// How long a request waits for a connection, and for a new one to be made.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that was idle for longer is asked whether it still lives; one
/// that worked just now is not, which saves a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(15);

/// How long a connection that was idle may take to say that it lives, and one
/// that is not needed any more to say good-bye.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// The first pause before a server is asked again that refuses connections,
/// which it does while it starts, and the longest.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// How often to look for connections that are to be closed, at least.
const LOOK: Duration = Duration::from_secs(60);

/// Why a pool gave no connection. It travels as an I/O error of the driver.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    /// Others use all that there may be.
    #[error(
        "all {most} connections of this pool were in use for {}, and {waiting} request(s) wait \
         for one",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    AllInUse {
        /// Connections that the pool may have.
        most: usize,
        /// Requests that wait, this one among them.
        waiting: usize,
    },
    /// The plugins of this node have all that they may have together.
    #[error(
        "the {most} connections that this node's plugins may have together \
         (database_connections_total) were in use for {}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    BoundReached {
        /// Connections that all plugins may have.
        most: u32,
    },
    /// None could be made.
    #[error(
        "no connection could be made within {}: {why}",
        humantime::format_duration(ACQUIRE_TIMEOUT)
    )]
    NotMade {
        /// What the last attempt said.
        why: String,
    },
}

impl From<NoConnection> for sqlx::Error {
    fn from(error: NoConnection) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, error))
    }
}

/// Returns why a pool gave no connection, if `error` tells of that.
pub(super) fn no_connection(error: &std::io::Error) -> Option<&NoConnection> {
    error.get_ref()?.downcast_ref()
}

/// How large a pool becomes, and how long what is in it lives.
#[derive(Clone)]
pub(super) struct PoolOptions {
    pub(super) max_connections: u32,
    pub(super) lifetimes: Lifetimes,
    /// The bound of all plugins of the node together.
    pub(super) budget: Option<Arc<Budget>>,
}

/// Connections that are made as they are needed. The one that worked last goes
/// first, so that those that are not needed show.
#[derive(Clone)]
pub(super) struct Pool(managed::Pool<Connector>);

/// A connection on loan from its pool, to which it goes back when dropped.
pub(super) type PoolConnection = Object<Connector>;

/// Makes connections, and looks at them before they are used again.
pub(super) struct Connector {
    target: Target,
    server: Server,
    /// Held while a statement is cancelled: that takes one connection more
    /// than the pool may have.
    cancelling: tokio::sync::Mutex<()>,
    max_lifetime: Duration,
    health: Arc<Health>,
    /// The bound of all plugins together; none for the host's own pools.
    budget: Option<Arc<Budget>>,
    /// What the server, or the way to it, said to the last attempt that is
    /// still tried again.
    refusal: Mutex<Option<String>>,
}

impl Pool {
    /// A pool of connections to `target`, of which none is made yet. To be
    /// called from within a runtime, in which it closes those that are spare.
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

    /// A connection, once one is free or made.
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

    /// How many there are.
    pub(super) fn connections(&self) -> Connections {
        let now = self.0.status();
        Connections {
            used: now.size.saturating_sub(now.available),
            idle: now.available,
            waiting: now.waiting,
            most: now.max_size,
        }
    }

    /// Close all that are idle now, and the others as soon as they are.
    pub(super) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        leave(idle).await;
    }
}

/// A connection that counts against the node's bound, if there is one.
pub(super) struct Counted {
    connection: MySqlConnection,
    /// Its id at a server that has to be told to end a statement.
    id: Option<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Counted {
    /// Returns the connection, which counts no more.
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
    /// Waits until the node may have one more connection, for as long as one
    /// may take to be made.
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

    /// Returns why no connection was made in time, for the call that wanted it.
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

/// What takes long is boxed, so that it does not make every request's state
/// larger.
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

/// Whether `connection` lives; whatever was left of an answer is read first.
pub(super) async fn answers(connection: &mut MySqlConnection, patience: Duration) -> bool {
    let answer = tokio::time::timeout(patience, connection.ping()).await;
    matches!(answer, Ok(Ok(())))
}

/// Ends the statement that is running on `connection`, where the server does
/// not do that by itself. Statements of one pool are cancelled one by one.
///
/// # Errors
/// Those of the driver; the statement may be running still.
pub(super) async fn cancel(connection: &PoolConnection) -> sqlx::Result<()> {
    let (Some(id), Some(pool)) = (connection.id, Object::pool(connection)) else {
        return Ok(());
    };
    let connector = pool.manager();
    let _one_by_one = connector.cancelling.lock().await;
    connector.target.kill_query(id).await
}

/// Close connections that are idle and have been for long, or are old.
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

/// Say good-bye: a server counts connections that just break off as errors.
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
