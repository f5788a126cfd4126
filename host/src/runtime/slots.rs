//! Who has how many of a pool's instances: an exhausted pool is an error for
//! whoever asks next, so a release is loaded only if there is room for it.

use std::sync::{Arc, Mutex, PoisonError};

/// The instances of one pool that nobody has claimed.
pub(super) struct Ledger {
    free: Mutex<u32>,
}

/// A release's share of a pool; dropping it gives it back.
pub(super) struct Slots {
    ledger: Arc<Ledger>,
    instances: u32,
}

/// The pool has no room for one more release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "asks for {wanted} instances, and of those that this node reserved {free} are free; \
     ask for fewer, or start the node with a larger `spare_instances`"
)]
pub struct NoRoom {
    wanted: u32,
    free: u32,
}

impl Ledger {
    pub(super) fn new(instances: u32) -> Arc<Self> {
        Arc::new(Self {
            free: Mutex::new(instances),
        })
    }

    pub(super) fn claim(self: &Arc<Self>, instances: u32) -> Result<Slots, NoRoom> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let left = free.checked_sub(instances).ok_or(NoRoom {
            wanted: instances,
            free: *free,
        })?;
        *free = left;
        Ok(Slots {
            ledger: self.clone(),
            instances,
        })
    }
}

impl Slots {
    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.instances
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        let mut free = self
            .ledger
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *free += self.instances;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_is_gone_until_it_is_dropped() {
        let ledger = Ledger::new(10);
        let slots = ledger.claim(7).expect("room");
        assert_eq!(slots.count(), 7);
        assert_eq!(ledger.claim(4).err(), Some(NoRoom { wanted: 4, free: 3 }));
        drop(slots);
        assert!(ledger.claim(10).is_ok());
    }
}
