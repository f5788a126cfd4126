//! Connection pools for MySQL servers, one for each grant.
//!
//! sqlx's own pool pings each connection that is returned, which adds a round
//! trip to every statement. This pool takes connections back as they are.

mod budget;
mod connector;

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, PoolError, QueueMode, TimeoutType, Timeouts, WeakPool};

pub(in crate::sql) use budget::Budget;
pub(super) use connector::{PoolConnection, answers, cancel};

use super::health::Health;
use super::health::queueing::set_queued;
use super::server::Server;
use super::target::Target;
use crate::sql::error::no_connection::{ACQUIRE_TIMEOUT, NoConnection};
use crate::sql::{Connections, Lifetimes};
use budget::CountedPool;
use connector::{Connector, close_cleanly};

/// Longest interval between searches for connections to close.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);

/// Size of a pool and lifetimes of its connections.
#[derive(Clone)]
pub(in crate::sql) struct PoolOptions {
    pub(in crate::sql) max_connections: u32,
    pub(in crate::sql) lifetimes: Lifetimes,
    /// Limit that all plugins of the node share; none for the host's own pools.
    pub(in crate::sql) budget: Option<Arc<Budget>>,
}

/// Pool that opens connections on demand. The most recently used connection is
/// handed out first, so that spare ones become idle.
#[derive(Clone)]
pub(in crate::sql) struct Pool(managed::Pool<Connector>);

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
        let max_lifetime = lifetimes.max_lifetime;
        let connector = Connector::new(target, server, health, max_lifetime, budget.clone());
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
    pub(in crate::sql) fn connections(&self) -> Connections {
        let now = self.0.status();
        Connections {
            used: now.size.saturating_sub(now.available),
            idle: now.available,
            waiting: now.waiting,
            most: now.max_size,
        }
    }

    /// Closes idle connections now and the others when they are returned.
    pub(in crate::sql) async fn close(&self) {
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        close_cleanly(idle).await;
    }
}

/// Closes connections that exceed their idle timeout or lifetime, periodically.
async fn close_spare(pool: WeakPool<Connector>, lifetimes: Lifetimes) {
    let Lifetimes {
        idle_timeout,
        max_lifetime,
    } = lifetimes;
    loop {
        tokio::time::sleep(CLEANUP_INTERVAL.min(idle_timeout).min(max_lifetime)).await;
        let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else {
            return;
        };
        let kept = pool.retain(|_, metrics| {
            metrics.last_used() < idle_timeout && metrics.age() <= max_lifetime
        });
        drop(pool);
        close_cleanly(kept.removed).await;
    }
}

impl CountedPool for WeakPool<Connector> {
    fn is_open(&self) -> bool {
        self.upgrade().is_some_and(|pool| !pool.is_closed())
    }

    fn close_one_idle(&self) -> bool {
        let Some(pool) = self.upgrade().filter(|pool| pool.status().available > 0) else {
            return false;
        };
        let mut has_one = false;
        let closed = pool.retain(|_, _| std::mem::replace(&mut has_one, true));
        !closed.removed.is_empty()
    }
}
