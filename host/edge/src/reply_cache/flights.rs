//! Single flight: of several requests for the same reply, one asks the plugin.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::key::Key;

/// Requests that are asking plugins, by the key of the reply that they make.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<Option<Ended>>>>>);

/// End of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The reply is in the cache.
    Stored,
    /// There is a reply, for its own request alone.
    NotStored,
    /// There is no reply, since the plugin failed.
    Failed,
    /// The request that asked ended by itself, as when its client left.
    Abandoned,
}

/// Part of a request in a flight.
pub(super) enum Role {
    /// The request asks the plugin.
    Leader(Leader),
    /// Another request asks; the receiver learns of the end.
    Follower(watch::Receiver<Option<Ended>>),
}

/// Request that asks the plugin for itself and its followers. They learn of it if it is dropped before
/// its end, as when its client leaves.
pub(super) struct Leader {
    flights: Flights,
    key: Key,
    sender: watch::Sender<Option<Ended>>,
}

impl Flights {
    /// Joins the flight for this key, or begins one.
    pub(super) fn join(&self, key: &Key) -> Role {
        match self.all().entry(key.clone()) {
            Entry::Occupied(flight) => Role::Follower(flight.get().clone()),
            Entry::Vacant(place) => {
                let (sender, receiver) = watch::channel(None);
                place.insert(receiver);
                Role::Leader(Leader {
                    flights: self.clone(),
                    key: key.clone(),
                    sender,
                })
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<Option<Ended>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leader {
    /// Ends the flight.
    pub(super) fn end(self, ended: Ended) {
        self.sender.send_replace(Some(ended));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.flights.all().remove(&self.key);
    }
}

/// Waits for the end of a flight.
pub(super) async fn wait(mut flight: watch::Receiver<Option<Ended>>) -> Ended {
    let ended = flight.wait_for(Option::is_some).await;
    ended
        .ok()
        .and_then(|ended| *ended)
        .unwrap_or(Ended::Abandoned)
}
