//! Host calls of a release, counted by operation and outcome.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::call::Call;
use super::demotion::Demotion;
use super::stats::Stats;
use crate::telemetry::Timing;
use crate::telemetry::traces::{Kind, Trace, Work, text};

/// Host call that a plugin may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the interfaces name them")]
pub enum Operation {
    SqlQuery,
    SqlExecute,
    SqlBegin,
    SqlCommit,
    SqlRollback,
    KeyvalueGet,
    KeyvalueSet,
    KeyvalueDelete,
    KeyvalueExists,
    KeyvalueListKeys,
    KeyvalueIncrement,
    KeyvalueSwap,
    KeyvalueGetMany,
    KeyvalueSetMany,
    KeyvalueDeleteMany,
    HashPassword,
    VerifyPassword,
    CheckPassword,
    IssueToken,
    RevokeTokens,
    SendMail,
    TakeFromLimit,
    SendRequest,
}

/// Capability that answers an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// Database of the plugin.
    Sql,
    /// Key-value buckets of the plugin.
    Keyvalue,
    /// Passwords and tokens.
    Identity,
    /// Outgoing mail.
    Mail,
    /// Rate limits that the plugin applies itself.
    RateLimit,
    /// Outgoing HTTP calls.
    Outbound,
}

impl Interface {
    /// Returns the name in metrics and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Keyvalue => "keyvalue",
            Self::Identity => "identity",
            Self::Mail => "mail",
            Self::RateLimit => "rate-limit",
            Self::Outbound => "outbound",
        }
    }
}

impl Operation {
    /// All operations, in the order of their discriminants.
    pub const ALL: [Self; 23] = [
        Self::SqlQuery,
        Self::SqlExecute,
        Self::SqlBegin,
        Self::SqlCommit,
        Self::SqlRollback,
        Self::KeyvalueGet,
        Self::KeyvalueSet,
        Self::KeyvalueDelete,
        Self::KeyvalueExists,
        Self::KeyvalueListKeys,
        Self::KeyvalueIncrement,
        Self::KeyvalueSwap,
        Self::KeyvalueGetMany,
        Self::KeyvalueSetMany,
        Self::KeyvalueDeleteMany,
        Self::HashPassword,
        Self::VerifyPassword,
        Self::CheckPassword,
        Self::IssueToken,
        Self::RevokeTokens,
        Self::SendMail,
        Self::TakeFromLimit,
        Self::SendRequest,
    ];

    /// Returns the interface that answers the operation.
    #[must_use]
    pub fn room(self) -> Interface {
        match self {
            Self::SqlQuery
            | Self::SqlExecute
            | Self::SqlBegin
            | Self::SqlCommit
            | Self::SqlRollback => Interface::Sql,
            Self::KeyvalueGet
            | Self::KeyvalueSet
            | Self::KeyvalueDelete
            | Self::KeyvalueExists
            | Self::KeyvalueListKeys
            | Self::KeyvalueIncrement
            | Self::KeyvalueSwap
            | Self::KeyvalueGetMany
            | Self::KeyvalueSetMany
            | Self::KeyvalueDeleteMany => Interface::Keyvalue,
            Self::HashPassword
            | Self::VerifyPassword
            | Self::CheckPassword
            | Self::IssueToken
            | Self::RevokeTokens => Interface::Identity,
            Self::SendMail => Interface::Mail,
            Self::TakeFromLimit => Interface::RateLimit,
            Self::SendRequest => Interface::Outbound,
        }
    }

    /// Returns the name in metrics and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SqlQuery => "query",
            Self::SqlExecute => "execute",
            Self::SqlBegin => "begin",
            Self::SqlCommit => "commit",
            Self::SqlRollback => "rollback",
            Self::KeyvalueGet => "get",
            Self::KeyvalueSet => "set",
            Self::KeyvalueDelete => "delete",
            Self::KeyvalueExists => "exists",
            Self::KeyvalueListKeys => "list-keys",
            Self::KeyvalueIncrement => "increment",
            Self::KeyvalueSwap => "swap",
            Self::KeyvalueGetMany => "get-many",
            Self::KeyvalueSetMany => "set-many",
            Self::KeyvalueDeleteMany => "delete-many",
            Self::HashPassword => "hash-password",
            Self::VerifyPassword => "verify-password",
            Self::CheckPassword => "check-password",
            Self::IssueToken => "issue-token",
            Self::RevokeTokens => "revoke-tokens",
            Self::SendMail => "send",
            Self::TakeFromLimit => "take",
            Self::SendRequest => "request",
        }
    }
}

/// Outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The operation succeeded.
    Ok,
    /// The plugin is not allowed to do that.
    Denied,
    /// The input is invalid.
    Invalid,
    /// The operation conflicts with stored data or another transaction.
    Conflict,
    /// A size or number exceeds a limit.
    TooLarge,
    /// The operation exceeded its time limit.
    Timeout,
    /// The store or service does not answer.
    Unavailable,
    /// The request ended before the operation did.
    Cancelled,
}

impl Outcome {
    /// All outcomes, in the order of their discriminants.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Denied,
        Self::Invalid,
        Self::Conflict,
        Self::TooLarge,
        Self::Timeout,
        Self::Unavailable,
        Self::Cancelled,
    ];

    /// Returns whether the plugin is at fault: the operation is not granted, or exceeds a limit.
    fn is_plugins(self) -> bool {
        matches!(self, Self::Denied | Self::TooLarge)
    }

    /// Returns the name in metrics and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "broken-off",
        }
    }
}

/// Conversion of an interface's error to an [`Outcome`].
pub trait AsOutcome {
    /// Returns the outcome of an operation that failed with this error.
    fn as_outcome(&self) -> Outcome;
}

type Ends = [OnceLock<Timing>; Outcome::ALL.len()];

/// Counts and durations of a release's host calls, by operation and outcome.
#[derive(Debug, Default)]
pub struct HostCalls([Ends; Operation::ALL.len()]);

impl HostCalls {
    fn count(&self, operation: Operation, end: Outcome, began: Instant) {
        let timing = self.0.get(operation as usize);
        if let Some(timing) = timing.and_then(|ends| ends.get(end as usize)) {
            timing.get_or_init(Timing::new).observe(began.elapsed());
        }
    }

    /// Returns the operations and outcomes that occurred at least once.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, Outcome, &Timing)> {
        let operations = Operation::ALL.into_iter().zip(&self.0);
        operations.flat_map(|(operation, ends)| {
            let ends = Outcome::ALL.into_iter().zip(ends);
            ends.filter_map(move |(end, timing)| Some((operation, end, timing.get()?)))
        })
    }
}

/// Operation in progress, counted when it is dropped: as [`Outcome::Cancelled`] unless another
/// outcome was set.
pub struct HostCall {
    stats: Arc<Stats>,
    demotion: Demotion,
    operation: Operation,
    began: Instant,
    work: Option<Work>,
    end: Outcome,
}

impl HostCall {
    /// Starts an operation of a plugin on behalf of `call`.
    pub(crate) fn begin(
        stats: &Arc<Stats>,
        call: &Call,
        operation: Operation,
        system: &'static str,
    ) -> Self {
        Self {
            stats: stats.clone(),
            demotion: call.demotion.clone(),
            operation,
            began: Instant::now(),
            work: (call.trace.as_ref()).and_then(|trace| span(trace, operation, system)),
            end: Outcome::Cancelled,
        }
    }

    /// Returns the span of the operation; `None` if the trace is not sampled.
    pub fn work(&mut self) -> Option<&mut Work> {
        self.work.as_mut()
    }

    /// Ends the operation with the outcome `end`.
    pub fn ended(mut self, end: Outcome) {
        self.end = end;
    }

    /// Ends the operation with the outcome of this result, and returns the result.
    pub fn with<T, E: AsOutcome>(self, outcome: Result<T, E>) -> Result<T, E> {
        self.ended(
            outcome
                .as_ref()
                .err()
                .map_or(Outcome::Ok, AsOutcome::as_outcome),
        );
        outcome
    }
}

impl Drop for HostCall {
    fn drop(&mut self) {
        let calls = self.stats.host_calls();
        calls.count(self.operation, self.end, self.began);
        if self.end.is_plugins() {
            self.demotion.set();
        }
        if let Some(work) = self.work.as_mut().filter(|_| self.end != Outcome::Ok) {
            work.fail(self.end.name());
        }
    }
}

fn span(trace: &Trace, operation: Operation, system: &'static str) -> Option<Work> {
    let (room, name) = (operation.room(), operation.name());
    let is_database = matches!(room, Interface::Sql | Interface::Keyvalue);
    let kind = if is_database || room == Interface::Outbound {
        Kind::Client
    } else {
        Kind::Internal
    };
    let mut work = trace.begin(kind, || format!("{} {name}", room.name()).into())?;
    if is_database {
        work.set([
            text("db.system.name", system),
            text("db.operation.name", name),
        ]);
    }
    Some(work)
}
