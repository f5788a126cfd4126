//! Ledger of the effects of one request: every host call that was made for it, by whichever plugin,
//! and what its reply depends on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderName;
use stores::sql::{ResultVersion, Untracked};

use super::operation::{Interface, Operation, Outcome};

/// Maximum number of effects that are kept one by one. Later ones are only counted.
const MOST: usize = 256;

/// Maximum number of header fields by which replies are told apart, and of the bytes of a name. A
/// plugin that asks for more depends on all of them, for all that is kept.
const MOST_FIELDS: usize = 32;
const MAX_FIELD_NAME: usize = 128;

/// Ledger of one request, shared by the instances of all plugins that work on it.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    effects: Vec<Effect>,
    /// Number of effects that were not kept.
    left_out: u32,
    cpu: Duration,
    /// Linear memory of the instances that worked on the request, in bytes.
    memory: usize,
    /// True if somebody wants to know what the reply depends on.
    is_wanted: bool,
    /// What the reply depends on; `None` unless it is wanted and the handler tells it.
    basis: Option<Result<Basis, Unshareable>>,
}

/// One host call of a plugin.
#[derive(Debug, Clone, Copy)]
pub struct Effect {
    /// Operation that the plugin called.
    pub operation: Operation,
    /// Outcome of the operation.
    pub outcome: Outcome,
    /// Time from the call to its outcome.
    pub took: Duration,
}

/// What a reply depends on besides method, path, query and body of its request.
#[derive(Debug, Default)]
pub struct Basis {
    /// Results of queries.
    pub results: Vec<ResultVersion>,
    /// Names of the header fields that the plugin asked for, each once.
    pub fields: Vec<HeaderName>,
    /// True if the plugin asked who calls.
    pub caller: bool,
}

/// Reason why a reply is nobody's but its own client's, or true for an instant only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Unshareable {
    #[error("the plugin asked for a clock")]
    Clock,
    #[error("the plugin asked for a random number")]
    Random,
    #[error("the plugin asked for all header fields")]
    AllFields,
    #[error("the plugin asked for the client's address")]
    ClientAddress,
    #[error("the plugin asked for the request's id")]
    RequestId,
    #[error("the plugin asked how much time is left")]
    TimeLeft,
    #[error("the plugin called another plugin")]
    Call,
    #[error("the plugin incremented a counter")]
    Metric,
    #[error("the plugin used {}", .0.name())]
    Used(Interface),
    #[error("of a query: {0}")]
    Query(Untracked),
    #[error("requests of handlers other than the record handler are not watched")]
    Unwatched,
}

impl Unshareable {
    /// Returns a short name of the reason, in metrics and `Cache-Status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Random => "random",
            Self::AllFields => "all-headers",
            Self::ClientAddress => "client-address",
            Self::RequestId => "request-id",
            Self::TimeLeft => "time-left",
            Self::Call => "plugin-call",
            Self::Metric => "metric",
            Self::Used(interface) => interface.name(),
            Self::Query(reason) => reason.name(),
            Self::Unwatched => "handler",
        }
    }
}

impl Ledger {
    /// Says that it is wanted what the reply depends on.
    pub(crate) fn watch(&self) {
        self.entries().is_wanted = true;
    }

    /// Notes what the reply depends on, from now on, if that is wanted: for a handler that gives its
    /// guest nothing of the request that the guest does not ask for.
    pub(crate) fn begin(&self) {
        let mut entries = self.entries();
        if entries.is_wanted && entries.basis.is_none() {
            entries.basis = Some(Ok(Basis::default()));
        }
    }

    /// Returns whether anybody asked what the reply depends on.
    pub(crate) fn is_watched(&self) -> bool {
        matches!(self.entries().basis, Some(Ok(_)))
    }

    /// Takes out what the reply depends on.
    ///
    /// # Errors
    /// Returns an error if the reply must not be shared.
    pub fn take_basis(&self) -> Result<Basis, Unshareable> {
        let basis = self.entries().basis.take();
        basis.unwrap_or(Err(Unshareable::Unwatched))
    }

    /// Notes that the reply must not be shared.
    pub(crate) fn note_unshareable(&self, reason: Unshareable) {
        let mut entries = self.entries();
        if let Some(basis @ Ok(_)) = &mut entries.basis {
            *basis = Err(reason);
        }
    }

    /// Notes a query and the version of its result.
    pub(crate) fn note_query(&self, version: Result<ResultVersion, Untracked>) {
        match version {
            Ok(version) => self.note(|basis| basis.results.push(version)),
            Err(reason) => self.note_unshareable(Unshareable::Query(reason)),
        }
    }

    /// Notes that the plugin asked for the header fields of this name.
    pub(crate) fn note_field(&self, name: &HeaderName) {
        if name.as_str().len() > MAX_FIELD_NAME {
            return self.note_unshareable(Unshareable::AllFields);
        }
        let mut has_room = true;
        self.note(|basis| {
            has_room = basis.fields.contains(name) || basis.fields.len() < MOST_FIELDS;
            if has_room && !basis.fields.contains(name) {
                basis.fields.push(name.clone());
            }
        });
        if !has_room {
            self.note_unshareable(Unshareable::AllFields);
        }
    }

    /// Notes that the plugin asked who calls.
    pub(crate) fn note_caller(&self) {
        self.note(|basis| basis.caller = true);
    }

    fn note(&self, work: impl FnOnce(&mut Basis)) {
        if let Some(Ok(basis)) = &mut self.entries().basis {
            work(basis);
        }
    }

    /// Adds a host call that has ended.
    pub(super) fn add(&self, effect: Effect) {
        let mut entries = self.entries();
        if entries.effects.len() < MOST {
            entries.effects.push(effect);
        } else {
            entries.left_out += 1;
        }
    }

    /// Adds what an instance used for the request.
    pub(super) fn add_usage(&self, cpu: Duration, memory: usize) {
        let mut entries = self.entries();
        entries.cpu += cpu;
        entries.memory += memory;
    }

    /// Returns the processor time of the instances that worked on the request, and their memory in
    /// bytes.
    #[must_use]
    pub fn usage(&self) -> (Duration, usize) {
        let entries = self.entries();
        (entries.cpu, entries.memory)
    }

    /// Returns the number of host calls of `interface`, and the time that they took together.
    #[must_use]
    pub fn total(&self, interface: Interface) -> (usize, Duration) {
        let entries = self.entries();
        let calls = entries.effects.iter();
        let calls = calls.filter(|effect| effect.operation.interface() == interface);
        calls.fold((0, Duration::ZERO), |(count, took), effect| {
            (count + 1, took + effect.took)
        })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(operation: Operation, micros: u64) -> Effect {
        Effect {
            operation,
            outcome: Outcome::Ok,
            took: Duration::from_micros(micros),
        }
    }

    #[test]
    fn effects_are_counted_by_interface() {
        let ledger = Ledger::default();
        ledger.add(effect(Operation::SqlQuery, 3));
        ledger.add(effect(Operation::SqlCommit, 4));
        ledger.add(effect(Operation::SendMail, 5));
        let micros = Duration::from_micros;
        assert_eq!(ledger.total(Interface::Sql), (2, micros(7)));
        assert_eq!(ledger.total(Interface::Mail), (1, micros(5)));
        assert_eq!(ledger.total(Interface::Keyvalue), (0, Duration::ZERO));
    }

    #[test]
    fn a_ledger_is_bounded() {
        let ledger = Ledger::default();
        (0..10_000).for_each(|_| ledger.add(effect(Operation::SqlQuery, 1)));
        let (count, _) = ledger.total(Interface::Sql);
        assert_eq!(count, MOST);
        assert_eq!(ledger.entries().left_out, 10_000 - MOST as u32);
    }

    #[test]
    fn what_a_reply_depends_on_is_noted_once_it_is_wanted_and_told() {
        let field = HeaderName::from_static("accept");
        let ledger = Ledger::default();
        ledger.begin();
        ledger.note_field(&field);
        assert_eq!(ledger.take_basis().err(), Some(Unshareable::Unwatched));
        ledger.watch();
        assert!(!ledger.is_watched());
        ledger.begin();
        for _ in 0..2 {
            ledger.note_field(&field);
        }
        let basis = ledger.take_basis().expect("shareable");
        assert_eq!((basis.fields, basis.caller), (vec![field], false));
    }

    #[test]
    fn the_first_reason_not_to_share_stays() {
        let ledger = Ledger::default();
        ledger.watch();
        ledger.begin();
        ledger.note_unshareable(Unshareable::Clock);
        ledger.note_unshareable(Unshareable::Random);
        ledger.note_caller();
        assert!(!ledger.is_watched());
        assert_eq!(ledger.take_basis().err(), Some(Unshareable::Clock));
    }
}
