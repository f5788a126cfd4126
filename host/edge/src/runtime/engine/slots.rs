//! Reservations of a pool's instances and linear memories. wasmtime's pooling allocator returns an
//! error when it is exhausted, so a release is loaded only if its share is free, and takes no more
//! than that.

use std::sync::{Arc, Mutex, PoisonError};

/// Free capacity of one pool.
pub(super) struct PoolCapacity {
    free: Mutex<Share>,
}

/// Number of instances and of linear memories in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    instances: u32,
    memories: u32,
}

/// Reserved share of a pool for one release, released when it is dropped.
pub(in crate::runtime) struct Reservation {
    ledger: Arc<PoolCapacity>,
    share: Share,
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
    pub(in crate::runtime) fn new(instances: u32) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::new(Share {
                instances,
                memories: instances,
            }),
        })
    }

    /// Reserves this many instances, with one linear memory each.
    pub(in crate::runtime) fn reserve(
        self: &Arc<Self>,
        instances: u32,
    ) -> Result<Reservation, NoRoom> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = instances;
        let left = free.instances.checked_sub(wanted);
        let instances = left.ok_or(NoRoom::Instances {
            wanted,
            free: free.instances,
        })?;
        let left = free.memories.checked_sub(wanted);
        let memories = left.ok_or(NoRoom::Memories {
            wanted,
            each: 1,
            free: free.memories,
        })?;
        *free = Share {
            instances,
            memories,
        };
        Ok(Reservation {
            ledger: self.clone(),
            share: Share {
                instances: wanted,
                memories: wanted,
            },
        })
    }
}

impl Reservation {
    /// Returns the number of reserved instances.
    pub(in crate::runtime) fn count(&self) -> u32 {
        self.share.instances
    }

    /// Extends the reservation to instances of `each` linear memories.
    pub(in crate::runtime) fn with_memories(mut self, each: u32) -> Result<Self, NoRoom> {
        let wanted = self.share.instances.saturating_mul(each.max(1));
        let missing = wanted.saturating_sub(self.share.memories);
        let mut free = (self.ledger.free.lock()).unwrap_or_else(PoisonError::into_inner);
        let left = free.memories.checked_sub(missing);
        free.memories = left.ok_or(NoRoom::Memories {
            wanted,
            each,
            free: free.memories,
        })?;
        drop(free);
        self.share.memories = wanted;
        Ok(self)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut free = (self.ledger.free.lock()).unwrap_or_else(PoisonError::into_inner);
        free.instances += self.share.instances;
        free.memories += self.share.memories;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_is_gone_until_it_is_dropped() {
        let ledger = PoolCapacity::new(10);
        let slots = ledger.reserve(7).expect("room");
        assert_eq!(slots.count(), 7);
        let refused = NoRoom::Instances { wanted: 4, free: 3 };
        assert_eq!(ledger.reserve(4).err(), Some(refused));
        drop(slots);
        assert!(ledger.reserve(10).is_ok());
    }

    #[test]
    fn memories_are_shared_out_as_instances_are() {
        let ledger = PoolCapacity::new(10);
        let slots = ledger.reserve(3).expect("room");
        let slots = slots.with_memories(3).expect("room");
        let refused = NoRoom::Memories {
            wanted: 2,
            each: 1,
            free: 1,
        };
        assert_eq!(ledger.reserve(2).err(), Some(refused));
        let other = ledger.reserve(1).expect("room").with_memories(2);
        assert!(other.is_err());
        assert!(ledger.reserve(1).is_ok(), "what was refused took nothing");
        drop(slots);
        assert!(ledger.reserve(10).is_ok());
    }
}
