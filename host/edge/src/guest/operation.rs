//! Operations of capabilities that are counted and traced, and their outcomes.

use strum::{IntoStaticStr, VariantArray};

/// Host call that a plugin may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[expect(missing_docs, reason = "they are named as the interfaces name them")]
pub enum Operation {
    #[strum(serialize = "query")]
    SqlQuery,
    #[strum(serialize = "execute")]
    SqlExecute,
    #[strum(serialize = "begin")]
    SqlBegin,
    #[strum(serialize = "commit")]
    SqlCommit,
    #[strum(serialize = "rollback")]
    SqlRollback,
    #[strum(serialize = "get")]
    KeyvalueGet,
    #[strum(serialize = "set")]
    KeyvalueSet,
    #[strum(serialize = "delete")]
    KeyvalueDelete,
    #[strum(serialize = "exists")]
    KeyvalueExists,
    #[strum(serialize = "list-keys")]
    KeyvalueListKeys,
    #[strum(serialize = "increment")]
    KeyvalueIncrement,
    #[strum(serialize = "swap")]
    KeyvalueSwap,
    #[strum(serialize = "get-many")]
    KeyvalueGetMany,
    #[strum(serialize = "set-many")]
    KeyvalueSetMany,
    #[strum(serialize = "delete-many")]
    KeyvalueDeleteMany,
    #[strum(serialize = "hash-password")]
    HashPassword,
    #[strum(serialize = "verify-password")]
    VerifyPassword,
    #[strum(serialize = "check-password")]
    CheckPassword,
    #[strum(serialize = "issue-token")]
    IssueToken,
    #[strum(serialize = "revoke-tokens")]
    RevokeTokens,
    #[strum(serialize = "send")]
    SendMail,
    #[strum(serialize = "take")]
    TakeFromLimit,
    #[strum(serialize = "request")]
    SendRequest,
}

/// Capability that answers an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
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
        self.into()
    }
}

impl Operation {
    /// Returns the interface that answers the operation.
    #[must_use]
    pub fn interface(self) -> Interface {
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
        self.into()
    }
}

/// Outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
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
    // The value of the metric, which dashboards know by this name.
    #[strum(serialize = "broken-off")]
    Cancelled,
}

impl Outcome {
    /// Returns whether the plugin is at fault: the operation is not granted, or exceeds a limit.
    pub(super) fn is_plugins(self) -> bool {
        matches!(self, Self::Denied | Self::TooLarge)
    }

    /// Returns the name in metrics and traces.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Conversion of an interface's error to an [`Outcome`].
pub trait AsOutcome {
    /// Returns the outcome of an operation that failed with this error.
    fn as_outcome(&self) -> Outcome;
}
