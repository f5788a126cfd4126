//! Revisions of the release log that a node prepares, or could not prepare.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::readiness::Cause;
use crate::rollout::prepare::activate_error::ActivateError;
use crate::rollout::report::State;
use crate::rollout::serving::paths::strip_prefix_ignoring_case;

/// Delay before a release that failed is prepared again, if it is still
/// desired.
const RETRY_DELAY: Duration = Duration::from_secs(15);

/// Delay after the first failure because a store does not answer. It doubles
/// with each further one, up to [`RETRY_DELAY`].
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Revisions that do not serve yet, by plugin.
#[derive(Default)]
pub(super) struct PendingPlugins(Mutex<BTreeMap<String, Pending>>);

/// Revision of a plugin that does not serve yet.
pub(super) struct Pending {
    pub(super) revision: i64,
    pub(super) state: State,
    /// True if the release is ready except for an interface that another plugin
    /// in preparation may export.
    waits_for_others: bool,
    pub(super) cause: Cause,
    pub(super) reason: String,
    pub(super) since: Instant,
    /// Number of consecutive attempts in which a store did not answer; 0 if the
    /// failure has another cause.
    unanswered: u32,
    /// Routes of a plugin that has not served since the node started.
    routes: Vec<String>,
}

/// Plugin that a node should serve and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPlugin {
    /// Name of the plugin.
    pub name: String,
    /// Reason that is safe to publish, since it contains no address and no
    /// path.
    pub reason: &'static str,
}

/// Plugin that could not be prepared when its node started, or whose canary
/// could not.
#[derive(Debug)]
pub struct Deferred {
    /// Name of the plugin.
    pub plugin: String,
    /// Revision of the log that asks for the release.
    pub revision: i64,
    /// Routes that the plugin would serve.
    pub routes: Vec<String>,
    /// Cause of the failure.
    pub error: String,
    /// True if a store that the plugin needs does not answer.
    pub transient: bool,
}

/// Numbers of plugins whose desired release does not serve yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Plugins whose release is in preparation.
    pub preparing: usize,
    /// Plugins whose release failed.
    pub failed: usize,
}

impl Pending {
    fn new(revision: i64, state: State) -> Self {
        Self {
            revision,
            state,
            waits_for_others: false,
            cause: Cause::default(),
            reason: String::new(),
            since: Instant::now(),
            unanswered: 0,
            routes: Vec::new(),
        }
    }

    /// Returns the delay after the failure before the revision is prepared
    /// again.
    fn retry_after(&self) -> Duration {
        match self.unanswered {
            0 => RETRY_DELAY,
            times => RETRY_DELAY.min(STORE_RETRY_DELAY * 2_u32.saturating_pow((times - 1).min(10))),
        }
    }

    /// Returns the reason why the plugin is missing, for the public.
    fn public_reason(&self) -> &'static str {
        match (self.cause, self.state) {
            (Cause::Store, _) => "a store that it needs does not answer",
            (Cause::Other, State::Preparing) => "its release is made ready",
            (Cause::Other, _) => "its release cannot serve",
        }
    }
}

impl From<Deferred> for Pending {
    fn from(deferred: Deferred) -> Self {
        Self {
            cause: match deferred.transient {
                true => Cause::Store,
                false => Cause::Other,
            },
            reason: deferred.error,
            unanswered: deferred.transient.into(),
            routes: deferred.routes,
            ..Self::new(deferred.revision, State::Failed)
        }
    }
}

impl PendingPlugins {
    /// Locks the plugins. While the guard is held, no revision can begin or
    /// end its preparation.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a plugin that could not be prepared when the node started.
    pub(super) fn defer(&self, deferred: Deferred) {
        let plugin = deferred.plugin.clone();
        self.lock().insert(plugin, deferred.into());
    }

    /// Marks a revision as being prepared. If it failed before, the count of
    /// its attempts goes on.
    pub(super) fn begin(&self, plugin: &str, revision: i64) {
        let mut all = self.lock();
        let mut pending = Pending::new(revision, State::Preparing);
        if let Some(before) = all.remove(plugin) {
            if before.revision == revision {
                pending.unanswered = before.unanswered;
            }
            pending.routes = before.routes;
        }
        all.insert(plugin.to_owned(), pending);
    }

    /// Marks a revision as failed. Returns whether it was still pending; if
    /// not, nothing is changed.
    pub(super) fn fail(&self, plugin: &str, revision: i64, error: &ActivateError) -> bool {
        let mut all = self.lock();
        let pending = all.get_mut(plugin);
        let Some(pending) = pending.filter(|pending| pending.revision == revision) else {
            return false;
        };
        let (cause, unanswered) = match error.is_transient() {
            true => (Cause::Store, pending.unanswered.saturating_add(1)),
            false => (Cause::Other, 0),
        };
        *pending = Pending {
            cause,
            unanswered,
            reason: error.to_string(),
            routes: std::mem::take(&mut pending.routes),
            ..Pending::new(revision, State::Failed)
        };
        true
    }

    /// Removes a plugin. Returns whether it was pending.
    pub(super) fn remove(&self, plugin: &str) -> bool {
        self.lock().remove(plugin).is_some()
    }

    /// Returns whether the revision failed too recently to be tried again.
    pub(super) fn failed_recently(&self, plugin: &str, revision: i64) -> bool {
        self.lock().get(plugin).is_some_and(|pending| {
            pending.revision == revision
                && pending.state == State::Failed
                && pending.since.elapsed() < pending.retry_after()
        })
    }

    /// Marks a plugin as waiting for other plugins. Returns whether any other
    /// plugin is in preparation and does not wait itself.
    pub(super) fn wait_for_others(&self, plugin: &str, revision: i64) -> bool {
        let mut all = self.lock();
        let others = all.iter().any(|(name, other)| {
            name != plugin && other.state == State::Preparing && !other.waits_for_others
        });
        match all.get_mut(plugin) {
            Some(own) if own.revision == revision => own.waits_for_others = others,
            _ => return false,
        }
        others
    }

    /// Returns the state of every plugin, and the cause if it failed.
    pub(super) fn states(&self) -> BTreeMap<String, (State, Cause)> {
        let all = self.lock();
        let states = all.iter();
        states
            .map(|(plugin, pending)| (plugin.clone(), (pending.state, pending.cause)))
            .collect()
    }

    /// Returns the numbers of plugins by their state.
    pub(super) fn backlog(&self) -> Backlog {
        let all = self.lock();
        let count = |state| all.values().filter(|one| one.state == state).count();
        Backlog {
            preparing: count(State::Preparing),
            failed: count(State::Failed),
        }
    }

    /// Returns the plugins of which no release serves.
    pub(super) fn missing(&self, serves: impl Fn(&str) -> bool) -> Vec<MissingPlugin> {
        let all = self.lock();
        let missing = all.iter().filter(|(plugin, _)| !serves(plugin));
        missing
            .map(|(plugin, pending)| MissingPlugin {
                name: plugin.clone(),
                reason: pending.public_reason(),
            })
            .collect()
    }

    /// Returns whether `path` belongs to a plugin of which no release serves
    /// and none has served since the node started.
    pub(super) fn is_missing(&self, path: &str, serves: impl Fn(&str) -> bool) -> bool {
        let all = self.lock();
        let mut missing = all.iter().filter(|(plugin, _)| !serves(plugin));
        missing.any(|(_, pending)| {
            let mut routes = pending.routes.iter();
            routes.any(|route| strip_prefix_ignoring_case(route, path).is_some())
        })
    }
}
