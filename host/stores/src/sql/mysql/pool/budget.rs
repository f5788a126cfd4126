//! Limits the connections that all plugins of a node have together, whatever
//! the sizes of their pools, since nodes share a server's `max_connections`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lock::lock;

/// Connections reserved for the host's own pools: two for the release log and
/// two for the revoked tokens.
const RESERVED: u32 = 4;

/// Interval between searches for an idle connection while none is available.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A pool whose connections count towards the limit.
pub(super) trait CountedPool: Send + Sync {
    /// Returns whether the pool still opens connections.
    fn is_open(&self) -> bool;

    /// Closes one idle connection. Returns false if there was none.
    fn close_one_idle(&self) -> bool;
}

/// Limit on the connections that the pools of a node's plugins have together.
pub(in crate::sql) struct Budget {
    permits: Arc<Semaphore>,
    most: u32,
    pools: Mutex<Vec<Box<dyn CountedPool>>>,
}

impl Budget {
    /// Returns a limit of `total` connections for the node, less those reserved
    /// for the host.
    pub(in crate::sql) fn new(total: u32) -> Arc<Self> {
        let most = total.saturating_sub(RESERVED).max(1);
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            pools: Mutex::default(),
        })
    }

    /// Returns the largest number of connections that the plugins' pools may
    /// have together.
    pub(in crate::sql) fn most(&self) -> u32 {
        self.most
    }

    /// Adds a pool, whose idle connections may then be closed for the sake of
    /// other pools.
    pub(super) fn add(&self, pool: impl CountedPool + 'static) {
        let mut pools = lock(&self.pools);
        pools.retain(|pool| pool.is_open());
        pools.push(Box::new(pool));
    }

    /// Returns a permit if one is free, or if closing an idle connection of
    /// some pool frees one.
    pub(super) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        let acquire = || self.permits.clone().try_acquire_owned().ok();
        acquire().or_else(|| {
            self.close_one_idle();
            acquire()
        })
    }

    /// Waits for a permit. An idle connection keeps its permit, so the pools
    /// are polled for connections to close.
    pub(super) async fn acquire(&self) -> OwnedSemaphorePermit {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
        }
    }

    fn close_one_idle(&self) {
        let pools = lock(&self.pools);
        pools.iter().any(|pool| pool.close_one_idle());
    }
}
