//! Reservations of a pool's instances and linear memories. wasmtime's pooling allocator returns an
//! error when it is exhausted, so a release is loaded only if its share is free, and takes no more
//! than that.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Free capacity of one pool: a permit for each instance, and for each linear memory.
pub(super) struct PoolCapacity {
    instances: Arc<Semaphore>,
    memories: Arc<Semaphore>,
    /// Held while both are taken, so that a reservation that fails takes nothing from another.
    reserving: Mutex<()>,
}

/// Reserved share of a pool for one release, released when it is dropped.
pub(in crate::runtime) struct Reservation {
    instances: OwnedSemaphorePermit,
    memories: OwnedSemaphorePermit,
}

/// Error of a reservation for which the pool has too little free capacity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Too few instances are free.
    #[error(
        "asks for {wanted} instances, and of those that this node reserved {free} are free; \
         ask for fewer, or start the node with a larger `spare_instances`"
    )]
    Instances {
        /// Instances that were asked for.
        wanted: u32,
        /// Instances that are free.
        free: u32,
    },
    /// Too few linear memories are free.
    #[error(
        "asks for {wanted} linear memories, {each} for each instance, and of those that this node \
         reserved {free} are free; ask for fewer instances, or start the node with a larger \
         `spare_instances`"
    )]
    Memories {
        /// Linear memories that were asked for.
        wanted: u32,
        /// Linear memories of one instance.
        each: u32,
        /// Linear memories that are free.
        free: u32,
    },
}

impl PoolCapacity {
    /// Returns the capacity of a pool with this many instances, and as many linear memories.
    pub(super) fn new(instances: u32) -> Self {
        Self {
            instances: Arc::new(Semaphore::new(instances as usize)),
            memories: Arc::new(Semaphore::new(instances as usize)),
            reserving: Mutex::default(),
        }
    }

    /// Reserves this many instances, with one linear memory each.
    pub(super) fn reserve(&self, wanted: u32) -> Result<Reservation, NoRoom> {
        let alone = self.reserving.lock();
        let _alone = alone.unwrap_or_else(PoisonError::into_inner);
        let instances =
            take(&self.instances, wanted).map_err(|free| NoRoom::Instances { wanted, free })?;
        let memories = take(&self.memories, wanted).map_err(|free| NoRoom::Memories {
            wanted,
            each: 1,
            free,
        })?;
        Ok(Reservation {
            instances,
            memories,
        })
    }
}

impl Reservation {
    /// Returns the number of reserved instances.
    pub(in crate::runtime) fn count(&self) -> u32 {
        permits(&self.instances)
    }

    /// Extends the reservation to instances of `each` linear memories.
    pub(in crate::runtime) fn with_memories(mut self, each: u32) -> Result<Self, NoRoom> {
        let wanted = self.count().saturating_mul(each.max(1));
        let missing = wanted.saturating_sub(permits(&self.memories));
        let more = take(self.memories.semaphore(), missing).map_err(|free| NoRoom::Memories {
            wanted,
            each,
            free,
        })?;
        self.memories.merge(more);
        Ok(self)
    }
}

/// Takes this many permits, or returns the number of those that are free.
fn take(semaphore: &Arc<Semaphore>, wanted: u32) -> Result<OwnedSemaphorePermit, u32> {
    let free = || u32::try_from(semaphore.available_permits()).unwrap_or(u32::MAX);
    let taken = semaphore.clone().try_acquire_many_owned(wanted);
    taken.map_err(|_| free())
}

fn permits(permit: &OwnedSemaphorePermit) -> u32 {
    u32::try_from(permit.num_permits()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_is_gone_until_it_is_dropped() {
        let capacity = PoolCapacity::new(10);
        let slots = capacity.reserve(7).expect("room");
        assert_eq!(slots.count(), 7);
        let refused = NoRoom::Instances { wanted: 4, free: 3 };
        assert_eq!(capacity.reserve(4).err(), Some(refused));
        drop(slots);
        assert!(capacity.reserve(10).is_ok());
    }

    #[test]
    fn memories_are_shared_out_as_instances_are() {
        let capacity = PoolCapacity::new(10);
        let slots = capacity.reserve(3).expect("room");
        let slots = slots.with_memories(3).expect("room");
        let refused = NoRoom::Memories {
            wanted: 2,
            each: 1,
            free: 1,
        };
        assert_eq!(capacity.reserve(2).err(), Some(refused));
        let other = capacity.reserve(1).expect("room").with_memories(2);
        assert!(other.is_err());
        assert!(capacity.reserve(1).is_ok(), "what was refused took nothing");
        drop(slots);
        assert!(capacity.reserve(10).is_ok());
    }
}
