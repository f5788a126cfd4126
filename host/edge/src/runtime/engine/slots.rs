//! Who has how much of a pool: an exhausted pool is an error for whoever asks
//! next, so a release is loaded only if there is room for it, and takes no
//! more than its share.

use std::sync::{Arc, Mutex, PoisonError};

/// What of one pool nobody has claimed.
pub(super) struct PoolCapacity {
    free: Mutex<Share>,
}

/// A part of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    instances: u32,
    memories: u32,
}

/// A release's share of a pool; dropping it gives it back.
pub(in crate::runtime) struct Reservation {
    ledger: Arc<PoolCapacity>,
    share: Share,
}

/// The pool has no room for one more release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Too few instances are left.
    #[error(
        "asks for {wanted} instances, and of those that this node reserved {free} are free; \
         ask for fewer, or start the node with a larger `spare_instances`"
    )]
    Instances {
        /// Those that it asks for.
        wanted: u32,
        /// Those that are left.
        free: u32,
    },
    /// Too few linear memories are left.
    #[error(
        "asks for {wanted} linear memories, {each} for each instance, and of those that this node \
         reserved {free} are free; ask for fewer instances, or start the node with a larger \
         `spare_instances`"
    )]
    Memories {
        /// Those that it asks for.
        wanted: u32,
        /// Those of one instance.
        each: u32,
        /// Those that are left.
        free: u32,
    },
}

impl PoolCapacity {
    /// A pool of so many instances, and as many linear memories.
    pub(in crate::runtime) fn new(instances: u32) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::new(Share {
                instances,
                memories: instances,
            }),
        })
    }

    /// Claim so many instances, with one linear memory each.
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
    /// How many instances there are.
    pub(in crate::runtime) fn count(&self) -> u32 {
        self.share.instances
    }

    /// Claim what is missing for instances of `each` linear memories.
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
