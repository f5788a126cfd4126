//! Exit codes of the command, for scripts: 0 for success, 1 for any other
//! error, 2 for a wrong command line, 3 when a rollout did not succeed and was
//! reverted, 4 when the outcome is not known yet, 5 when an account that was to
//! be made exists already, 6 when migrations failed and the statements before
//! the failed one stay done, 7 when existing tables are in the way of
//! migrations and nothing was changed.

use std::process::ExitCode;

/// Errors that have an exit code of their own.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Exit {
    /// The rollout failed or was aborted, and the old release serves.
    #[error("the rollout was rolled back: {0}")]
    RolledBack(String),
    /// The time limit passed, and the rollout or run of migrations continues.
    #[error("{0}")]
    TimedOut(String),
    /// A statement of a migration failed.
    #[error("the migrations failed: {0}")]
    NotMigrated(String),
    /// Existing tables are in the way of migrations.
    #[error("{0} thing(s) in the tables that are there are in the way; nothing was changed")]
    Obstacles(usize),
    /// An account with this e-mail address exists already.
    #[error(
        "an account with the e-mail address {0} exists, and nothing was changed. Whoever \
         registered it need not be whom you think; `--existing` changes it, logs everybody out \
         of it and removes its login through Facebook"
    )]
    AccountExists(String),
}

/// Returns the exit code for an error.
pub(in crate::cli) fn code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Exit>() {
        Some(Exit::RolledBack(_)) => ExitCode::from(3),
        Some(Exit::TimedOut(_)) => ExitCode::from(4),
        Some(Exit::AccountExists(_)) => ExitCode::from(5),
        Some(Exit::NotMigrated(_)) => ExitCode::from(6),
        Some(Exit::Obstacles(_)) => ExitCode::from(7),
        None => ExitCode::FAILURE,
    }
}
