//! Opens the connections of a pool, and checks, cancels and closes them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use futures_util::FutureExt;
use sqlx::{Connection, MySqlConnection};
use tokio::sync::OwnedSemaphorePermit;

use super::budget::Budget;
use crate::lock::lock;
use crate::sql::error::no_connection::NoConnection;
use crate::sql::mysql::health::Health;
use crate::sql::mysql::health::queueing::{is_queued, set_queued};
use crate::sql::mysql::server::Server;
use crate::sql::mysql::target::Target;

/// Idle time after which a connection is pinged before reuse. One that was used
/// more recently is not, which saves a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(15);

/// Time limit for the ping of an idle connection, and for closing a spare
/// connection cleanly.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Shortest and longest delay before connecting again to a server that refuses
/// connections, as servers do while they start.
const MIN_DELAY: Duration = Duration::from_millis(10);
const MAX_DELAY: Duration = Duration::from_millis(500);

/// A connection taken from a pool, returned when dropped.
pub(in crate::sql::mysql) type PoolConnection = Object<Connector>;

/// Opens connections, and checks them before reuse.
pub(in crate::sql::mysql) struct Connector {
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

/// A connection that counts towards the shared limit, if there is one.
pub(in crate::sql::mysql) struct Counted {
    connection: MySqlConnection,
    /// Connection id, for servers that need a KILL QUERY to end a statement.
    id: Option<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Counted {
    /// Returns the connection, which then no longer counts towards the limit.
    pub(in crate::sql::mysql) fn into_inner(self) -> MySqlConnection {
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
    /// Returns a connector to `target`, a server whose kind and health are
    /// known.
    pub(super) fn new(
        target: Target,
        server: Server,
        health: Arc<Health>,
        max_lifetime: Duration,
        budget: Option<Arc<Budget>>,
    ) -> Self {
        Self {
            target,
            server,
            cancelling: tokio::sync::Mutex::default(),
            max_lifetime,
            health,
            budget,
            refusal: Mutex::default(),
        }
    }

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
            .with_min_delay(MIN_DELAY)
            .with_max_delay(MAX_DELAY)
            .without_max_times();
        let connecting = (|| self.target.connect()).retry(pauses).when(is_refusal);
        self.note_refusal(None);
        let note = |error: &sqlx::Error, _| self.note_refusal(Some(error.to_string()));
        let connection = connecting.notify(note).await?;
        self.note_refusal(None);
        Ok(connection)
    }

    fn note_refusal(&self, refusal: Option<String>) {
        *lock(&self.refusal) = refusal;
    }

    /// Returns the reason that no connection was opened in time for the current
    /// call.
    pub(super) fn none_made(&self) -> NoConnection {
        if let Some(budget) = self.budget.as_ref().filter(|_| is_queued()) {
            let most = budget.most();
            return NoConnection::BoundReached { most };
        }
        let refusal = lock(&self.refusal);
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

/// Returns whether `connection` answers a ping within `timeout`. Unread parts
/// of an earlier answer are read first.
pub(in crate::sql::mysql) async fn answers(
    connection: &mut MySqlConnection,
    timeout: Duration,
) -> bool {
    let answer = tokio::time::timeout(timeout, connection.ping()).await;
    matches!(answer, Ok(Ok(())))
}

/// Returns a future that ends the statement running on `connection`, if the
/// server does not do so itself. Statements of one pool are cancelled one at a
/// time. Fails with the driver's errors; the statement may then still be running.
pub(in crate::sql::mysql) fn cancel(
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

/// Closes connections cleanly, because servers count aborted connections as
/// errors.
pub(super) async fn close_cleanly(connections: Vec<Counted>) {
    for Counted {
        connection,
        id: _,
        _permit,
    } in connections
    {
        let closed = tokio::time::timeout(PING_TIMEOUT, connection.close()).await;
        if let Ok(Err(error)) = closed {
            tracing::debug!(%error, "a connection broke while it was closed");
        }
    }
}
