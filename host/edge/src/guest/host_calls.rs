//! What a release asks of the host: counted by what it was and how it ended.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::call::Call;
use super::demotion::Demotion;
use super::stats::Stats;
use crate::telemetry::Timing;
use crate::telemetry::traces::{Kind, Trace, Work, text};

/// Something that a plugin may ask of the host.
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

/// What answers an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// The plugin's database.
    Sql,
    /// Its buckets.
    Keyvalue,
    /// Passwords and tokens.
    Identity,
    /// Outgoing mail.
    Mail,
    /// Rate limits that it counts itself.
    RateLimit,
    /// Calls out.
    Outbound,
}

impl Interface {
    /// As metrics and traces call it.
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
    /// All there are, in their order.
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

    /// What answers it.
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

    /// As metrics and traces call it.
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

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Ok,
    /// The plugin may not do that.
    Denied,
    /// It makes no sense.
    Invalid,
    /// It stands against what is there.
    Conflict,
    /// It passes a limit.
    TooLarge,
    /// It took too long.
    Timeout,
    /// What was asked does not answer.
    Unavailable,
    /// The request ended first.
    Cancelled,
}

impl Outcome {
    /// All there are, in their order.
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

    /// Whether the plugin is to blame: it asked for what it may not, or for
    /// more.
    fn is_plugins(self) -> bool {
        matches!(self, Self::Denied | Self::TooLarge)
    }

    /// As metrics and traces call it.
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

/// An error of an interface that a plugin imports.
pub trait AsOutcome {
    /// How the operation ended that failed so.
    fn as_outcome(&self) -> Outcome;
}

type Ends = [OnceLock<Timing>; Outcome::ALL.len()];

/// How often a release asked for what, how that ended, and how long it took.
#[derive(Debug, Default)]
pub struct HostCalls([Ends; Operation::ALL.len()]);

impl HostCalls {
    fn count(&self, operation: Operation, end: Outcome, began: Instant) {
        let timing = self.0.get(operation as usize);
        if let Some(timing) = timing.and_then(|ends| ends.get(end as usize)) {
            timing.get_or_init(Timing::new).observe(began.elapsed());
        }
    }

    /// What happened at least once.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, Outcome, &Timing)> {
        let operations = Operation::ALL.into_iter().zip(&self.0);
        operations.flat_map(|(operation, ends)| {
            let ends = Outcome::ALL.into_iter().zip(ends);
            ends.filter_map(move |(end, timing)| Some((operation, end, timing.get()?)))
        })
    }
}

/// An operation that is under way. Dropped, it has broken off.
pub struct HostCall {
    stats: Arc<Stats>,
    demotion: Demotion,
    operation: Operation,
    began: Instant,
    work: Option<Work>,
    end: Outcome,
}

impl HostCall {
    /// Begin it for a plugin, on behalf of `call`.
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

    /// Its span, if it has one.
    pub fn work(&mut self) -> Option<&mut Work> {
        self.work.as_mut()
    }

    /// It ended so.
    pub fn ended(mut self, end: Outcome) {
        self.end = end;
    }

    /// It ended with this outcome, which is returned.
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
