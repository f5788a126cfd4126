//! A bound on the connections of all plugins of a node together, whatever
//! their pools may have: a server's `max_connections` is shared by all nodes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool::managed::WeakPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::Connector;

/// Connections of the host's own pools: two to the release log, and two to the
/// revoked tokens. Plugins cannot use them up.
const OWN: u32 = 4;

/// How often to look for an idle connection while none is to be had.
const LOOK: Duration = Duration::from_millis(10);

/// The connections that the pools of a node's plugins may have together.
pub(super) struct Budget {
    permits: Arc<Semaphore>,
    most: u32,
    pools: Mutex<Vec<WeakPool<Connector>>>,
}

impl Budget {
    /// Returns a bound of `total` connections of the node, of which the host's
    /// own are set aside.
    pub(super) fn new(total: u32) -> Arc<Self> {
        let most = total.saturating_sub(OWN).max(1);
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            pools: Mutex::default(),
        })
    }

    /// Returns how many connections all pools may have together.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    /// Counts a pool in: others may take its idle connections.
    pub(super) fn add(&self, pool: WeakPool<Connector>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.upgrade().is_some_and(|pool| !pool.is_closed()));
        pools.push(pool);
    }

    /// Returns a permit if there is one, or if some pool has an idle connection
    /// to spare.
    pub(super) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        let acquire = || self.permits.clone().try_acquire_owned().ok();
        acquire().or_else(|| {
            self.close_one_idle();
            acquire()
        })
    }

    /// Waits for a permit. A connection that becomes idle elsewhere keeps its
    /// own, so pools are looked at again and again.
    pub(super) async fn acquire(&self) -> OwnedSemaphorePermit {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
        }
    }

    fn close_one_idle(&self) {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let open = pools.iter().filter_map(WeakPool::upgrade);
        for pool in open.filter(|pool| pool.status().available > 0) {
            let mut has_one = false;
            let removed = pool.retain(|_, _| std::mem::replace(&mut has_one, true));
            if !removed.removed.is_empty() {
                return;
            }
        }
    }
}
