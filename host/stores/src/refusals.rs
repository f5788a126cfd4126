//! Record of a store that answers but refuses changes: its disk is full, or the user is not allowed
//! to make them. The log reports that once a minute, and the node's report for as long as it lasts.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Time after which a refusal that lasts is logged again.
const AGAIN: Duration = Duration::from_secs(60);

/// Kinds of refusals that are remembered; more in a minute are rare.
const REMEMBERED: usize = 16;

/// Time without refusals after which a store that has accepted a change counts as recovered. One
/// whose disk is nearly full accepts a change now and then.
const QUIET: Duration = Duration::from_secs(5);

/// Kinds of refusals that were logged recently.
#[derive(Debug)]
pub(super) struct RecentlyNamed<K>(Vec<(K, Instant)>);

impl<K> Default for RecentlyNamed<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq> RecentlyNamed<K> {
    /// Returns whether `kind` is to be logged now, in which case it is remembered.
    pub(super) fn is_news(&mut self, kind: K, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.duration_since(*at) < AGAIN);
        if self.0.iter().any(|(other, _)| *other == kind) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((kind, now));
        true
    }
}

/// Refusals of one store.
#[derive(Debug)]
pub(super) struct Refusals {
    state: Mutex<State>,
    /// True if no change has succeeded since the last refusal.
    is_refusing: AtomicBool,
}

#[derive(Debug)]
struct State {
    store: String,
    named: RecentlyNamed<String>,
    /// Time and message of the last refusal.
    last: Option<(Instant, String)>,
}

impl Refusals {
    /// Returns a record without refusals. Logs show the name `store`, so it must hold no password.
    pub(super) fn new(store: impl Into<String>) -> Self {
        Self {
            state: Mutex::new(State {
                store: store.into(),
                named: RecentlyNamed::default(),
                last: None,
            }),
            is_refusing: AtomicBool::new(false),
        }
    }

    /// Changes the name of the store in logs.
    pub(super) fn rename(&self, store: &str) {
        store.clone_into(&mut self.state().store);
    }

    /// Records that the store refused a change, for a reason of this kind. Logs it, unless the log
    /// has it already.
    pub(super) fn refused(&self, kind: &str, reason: &dyn Display) {
        self.refused_at(Instant::now(), kind, reason);
    }

    fn refused_at(&self, now: Instant, kind: &str, reason: &dyn Display) {
        let mut state = self.state();
        let text = format!("{} refuses changes: {reason}", state.store);
        let is_news = state.named.is_news(kind.to_owned(), now);
        if is_news {
            tracing::warn!("{text}");
        }
        state.last = Some((now, text));
        drop(state);
        self.is_refusing.store(true, Ordering::Release);
    }

    /// Records that the store made a change.
    pub(super) fn succeeded(&self) {
        // In most cases there is no refusal to reset, and nothing to write.
        if self.is_refusing.load(Ordering::Acquire) {
            self.is_refusing.store(false, Ordering::Release);
        }
    }

    /// Returns the last refusal of changes, for as long as the store refuses them.
    pub(super) fn standing(&self) -> Option<String> {
        self.standing_at(Instant::now())
    }

    fn standing_at(&self, now: Instant) -> Option<String> {
        let state = self.state();
        let (at, text) = state.last.as_ref()?;
        let is_recent = now.saturating_duration_since(*at) < QUIET;
        (is_recent || self.is_refusing.load(Ordering::Acquire)).then(|| text.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_named_once_in_a_while() {
        let mut named = RecentlyNamed::default();
        let now = Instant::now();
        assert!(named.is_news(1203, now));
        assert!(!named.is_news(1203, now));
        assert!(named.is_news(1226, now));
        assert!(named.is_news(1203, now + AGAIN));
        for number in 0..100 {
            assert!(named.is_news(number, now + AGAIN));
        }
        assert!(named.0.len() <= REMEMBERED);
    }

    #[test]
    fn a_refusal_stands_until_a_change_succeeds_and_no_other_is_refused() {
        let refusals = Refusals::new("a file");
        let now = Instant::now();
        assert_eq!(refusals.standing_at(now), None);
        refusals.rename("the database of plugin order");
        refusals.refused_at(now, "13", &"disk is full");
        let text = "the database of plugin order refuses changes: disk is full";
        let later = now + QUIET;
        assert_eq!(refusals.standing_at(later).as_deref(), Some(text));
        refusals.succeeded();
        assert_eq!(refusals.standing_at(now).as_deref(), Some(text));
        assert_eq!(refusals.standing_at(later), None);
        refusals.refused_at(later, "13", &"disk is full");
        assert_eq!(refusals.standing_at(later + QUIET).as_deref(), Some(text));
    }
}
