//! Replies of plugins that are kept until the data that they depend on changes.
//!
//! A reply is stored if the ledger of its request shows that it depends on nothing but its target,
//! the header fields that the plugin asked for, and queries whose results can be followed. It is
//! sent to whoever asks the same, with the same values of these fields, while every result is still
//! what its query would return ([`stores::sql::ResultVersion`]) and the reply is younger than the
//! manifest's `max-age`. The digest of the release is part of the key, so that no release answers
//! for another.

mod entry;
mod explanation;
mod flights;
mod key;
mod outcome;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use self::entry::NotKept;
use self::flights::{Ended, Flights, Leader, Role};
use self::key::{Facets, Key};
use crate::guest::{CallError, Ledger};
use crate::runtime::{Answer, is_failure};

pub use entry::Entry;
pub use explanation::Explanation;
pub use key::Lookup;
pub use outcome::Outcome;

/// Expected size of a reply with what belongs to it, by which the cache sizes its tables.
const TYPICAL_BYTES: u64 = 2048;

/// Times that a request waits for another one to make its reply, before it asks the plugin itself.
const MAX_WAITS: u32 = 3;

/// Time after `max-age` in which a reply whose data has not changed is sent while one request makes
/// it again.
const STALE_WHILE_REVALIDATE: Duration = Duration::from_secs(2);

/// Replies of all plugins on one node, within a bound of bytes.
pub struct ReplyCache {
    slots: Cache<Key, Slot, Bytes>,
    flights: Flights,
}

/// What is known of the replies to one target, or to one variant of it.
#[derive(Clone)]
enum Slot {
    Reply(Arc<Entry>),
    /// There are several, told apart by these facets.
    Varies(Arc<Facets>),
    /// The last reply was not kept.
    NotKept(NotKept),
}

/// Sizes of slots in memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Slot> for Bytes {
    fn weight(&self, key: &Key, slot: &Slot) -> u64 {
        let reply = match slot {
            Slot::Reply(entry) => entry.bytes(),
            Slot::Varies(facets) => facets.bytes(),
            Slot::NotKept(_) => 0,
        };
        (key.bytes() + size_of::<Slot>() + reply) as u64
    }
}

/// What was found for a request.
enum Found {
    /// Reply that may be sent.
    Current(Arc<Entry>),
    /// Reply older than `max-age` by little, whose data has not changed.
    Expired(Arc<Entry>),
    /// Reply that may be sent only if the plugin fails.
    Outdated(Arc<Entry>),
    /// The last reply was not kept.
    NotKept,
    Nothing,
}

/// What to do next for a request.
enum Step {
    Send(Arc<Entry>, Outcome),
    /// Ask the plugin, for the followers of the flight too if there is one.
    Ask(Option<Leader>),
    /// Look again, after another request has ended.
    Again,
    /// The request's deadline has passed.
    TimedOut,
}

impl ReplyCache {
    /// Returns an empty cache for at most `bytes` bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX);
        Self {
            slots: Cache::with_weighter(items, bytes, Bytes),
            flights: Flights::default(),
        }
    }

    /// Returns the bytes that are kept, and the most that may be.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.slots.weight(), self.slots.capacity())
    }

    /// Returns the number of replies that are kept, with the targets whose replies are not.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.slots.len()
    }

    /// Forgets all replies.
    pub fn purge(&self) {
        self.slots.clear();
    }

    /// Answers a request from the cache, or by `ask`, which asks the plugin and notes in `ledger`
    /// what the reply depends on. Of several requests for the same reply, one asks, and the others
    /// wait for it.
    ///
    /// # Errors
    /// The error of `ask`, if there is no reply to send instead.
    pub async fn answer(
        &self,
        lookup: &Lookup<'_>,
        ledger: &Ledger,
        ask: impl AsyncFnOnce() -> Result<Answer, CallError>,
    ) -> (Result<Answer, CallError>, Outcome) {
        let mut waits = 0;
        let leader = loop {
            match self.step(lookup, &mut waits).await {
                Step::Send(entry, outcome) => return (Ok(entry.answer()), outcome),
                Step::Ask(leader) => break leader,
                Step::Again => {}
                Step::TimedOut => return (Err(CallError::Deadline), Outcome::miss(None)),
            }
        };
        self.ask(lookup, ledger, leader, ask).await
    }

    async fn step(&self, lookup: &Lookup<'_>, waits: &mut u32) -> Step {
        let (key, found) = self.find(lookup);
        let may_wait = lookup.may_store && *waits < MAX_WAITS;
        let Some(key) = key.filter(|_| may_wait) else {
            let sending = self.send_current(lookup, found, *waits);
            return sending.unwrap_or(Step::Ask(None));
        };
        if let Found::NotKept = found {
            return Step::Ask(None);
        }
        if let Found::Current(_) = found {
            return self
                .send_current(lookup, found, *waits)
                .unwrap_or(Step::Again);
        }
        let flight = match self.flights.join(&key) {
            Role::Leader(leader) => {
                // Another leader may have ended since.
                let found = self.find(lookup).1;
                let sending = self.send_current(lookup, found, *waits);
                return sending.unwrap_or(Step::Ask(Some(leader)));
            }
            Role::Follower(flight) => flight,
        };
        if let Found::Expired(entry) = found {
            let outcome = Outcome::stale(&entry, "stale-while-revalidate");
            return Step::Send(entry, outcome);
        }
        *waits += 1;
        let waiting = flights::wait(flight);
        match tokio::time::timeout_at(lookup.deadline.into(), waiting).await {
            Ok(Ended::Stored | Ended::Abandoned) => Step::Again,
            Ok(Ended::NotStored) => Step::Ask(None),
            Ok(Ended::Failed) => self.send_stale(lookup).unwrap_or(Step::Again),
            Err(_) => Step::TimedOut,
        }
    }

    fn send_current(&self, lookup: &Lookup<'_>, found: Found, waits: u32) -> Option<Step> {
        let Found::Current(entry) = found else {
            return None;
        };
        let left = entry.time_to_live(lookup.policy);
        let outcome = Outcome::hit(&entry, left, waits > 0);
        Some(Step::Send(entry, outcome))
    }

    /// Returns a reply to send because the plugin has failed.
    fn send_stale(&self, lookup: &Lookup<'_>) -> Option<Step> {
        let (Found::Outdated(entry) | Found::Expired(entry) | Found::Current(entry)) =
            self.find(lookup).1
        else {
            return None;
        };
        let policy = lookup.policy;
        if entry.age() >= policy.max_age + policy.stale_if_error {
            return None;
        }
        let outcome = Outcome::stale(&entry, outcome::STALE_IF_ERROR);
        Some(Step::Send(entry, outcome))
    }

    /// Returns what is known for a request, and its key; no key if the request must not have a reply
    /// that was made for others.
    fn find(&self, lookup: &Lookup<'_>) -> (Option<Key>, Found) {
        let key = lookup.target_key();
        match self.slots.get(&key) {
            Some(Slot::Varies(facets)) => match lookup.variant_key(&facets) {
                Some(key) => {
                    let slot = self.slots.get(&key);
                    (Some(key), found(slot, lookup))
                }
                None => (None, Found::NotKept),
            },
            slot => (Some(key), found(slot, lookup)),
        }
    }

    async fn ask(
        &self,
        lookup: &Lookup<'_>,
        ledger: &Ledger,
        leader: Option<Leader>,
        ask: impl AsyncFnOnce() -> Result<Answer, CallError>,
    ) -> (Result<Answer, CallError>, Outcome) {
        if lookup.may_store {
            ledger.watch();
        }
        let answer = ask().await;
        let end = |ended| {
            if let Some(leader) = leader {
                leader.end(ended);
            }
        };
        if is_failure(&answer) {
            end(Ended::Failed);
            return match self.send_stale(lookup) {
                Some(Step::Send(entry, outcome)) => (Ok(entry.answer()), outcome),
                _ => (answer, Outcome::miss(None)),
            };
        }
        let keepable = answer.as_ref().ok().filter(|_| lookup.may_store);
        let stored = keepable.map(|answer| self.store(lookup, ledger, answer));
        let outcome = match stored {
            Some(Ok(entry)) => {
                end(Ended::Stored);
                Outcome::stored(&entry, entry.time_to_live(lookup.policy))
            }
            Some(Err(reason)) => {
                end(Ended::NotStored);
                Outcome::miss(Some(reason.name()))
            }
            None => Outcome::miss(None),
        };
        (answer, outcome)
    }

    /// Stores a reply, unless it must not be.
    fn store(
        &self,
        lookup: &Lookup<'_>,
        ledger: &Ledger,
        answer: &Answer,
    ) -> Result<Arc<Entry>, NotKept> {
        let target = lookup.target_key();
        let basis = ledger.take_basis().map_err(NotKept::Unshareable);
        let kept = basis.and_then(|basis| {
            if basis.caller && !lookup.is_anonymous {
                return Err(NotKept::Caller);
            }
            let facets = Facets {
                fields: basis.fields.clone(),
                caller: basis.caller,
            };
            Ok((facets, Arc::new(Entry::new(answer, basis)?)))
        });
        match kept {
            Ok((facets, entry)) => {
                self.insert(lookup, target, facets, &entry);
                Ok(entry)
            }
            Err(reason) => {
                // A variant of its own does not speak for the other replies.
                if !matches!(
                    self.slots.peek(&target),
                    Some(Slot::Varies(_) | Slot::Reply(_))
                ) {
                    self.slots.insert(target, Slot::NotKept(reason));
                }
                Err(reason)
            }
        }
    }

    fn insert(&self, lookup: &Lookup<'_>, target: Key, facets: Facets, entry: &Arc<Entry>) {
        let known = match self.slots.peek(&target) {
            Some(Slot::Varies(known)) => known,
            _ => Arc::default(),
        };
        let facets = known.union(&facets);
        if facets.is_empty() {
            self.slots.insert(target, Slot::Reply(entry.clone()));
            return;
        }
        let variant = lookup.variant_key(&facets);
        if facets != *known {
            self.slots.insert(target, Slot::Varies(Arc::new(facets)));
        }
        if let Some(variant) = variant {
            self.slots.insert(variant, Slot::Reply(entry.clone()));
        }
    }
}

fn found(slot: Option<Slot>, lookup: &Lookup<'_>) -> Found {
    let entry = match slot {
        Some(Slot::Reply(entry)) => entry,
        Some(Slot::NotKept(_)) => return Found::NotKept,
        Some(Slot::Varies(_)) | None => return Found::Nothing,
    };
    let (age, policy) = (entry.age(), lookup.policy);
    let is_unchanged = entry.is_unchanged();
    if is_unchanged && age < policy.max_age {
        Found::Current(entry)
    } else if is_unchanged && age < policy.max_age + STALE_WHILE_REVALIDATE {
        Found::Expired(entry)
    } else if age < policy.max_age + policy.stale_if_error {
        Found::Outdated(entry)
    } else {
        Found::Nothing
    }
}
