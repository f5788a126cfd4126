//! How the command ends, for scripts: 0 when all went well, 1 for any other
//! error, 2 for a wrong command line, 3 when a rollout did not succeed and
//! what it changed was changed back, 4 when it is not known yet, 5 when an
//! account that was to be made is there already, 6 when migrations failed and
//! the statements before the failed one stay done, 7 when tables that are there
//! are in the way of migrations, and nothing was changed.

use std::process::ExitCode;

/// An end that scripts tell from others.
#[derive(Debug, thiserror::Error)]
pub(super) enum Exit {
    /// The old release serves.
    #[error("the rollout was rolled back: {0}")]
    RolledBack(String),
    /// It goes on.
    #[error("{0}")]
    TimedOut(String),
    /// A statement of a migration failed.
    #[error("the migrations failed: {0}")]
    NotMigrated(String),
    /// Tables that are there are in the way of migrations.
    #[error("{0} thing(s) in the tables that are there are in the way; nothing was changed")]
    Obstacles(usize),
    /// Somebody has registered under this e-mail address.
    #[error(
        "an account with the e-mail address {0} exists, and nothing was changed. Whoever \
         registered it need not be whom you think; `--existing` changes it, logs everybody out \
         of it and removes its login through Facebook"
    )]
    AccountExists(String),
}

/// The code for an error.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Exit>() {
        Some(Exit::RolledBack(_)) => ExitCode::from(3),
        Some(Exit::TimedOut(_)) => ExitCode::from(4),
        Some(Exit::AccountExists(_)) => ExitCode::from(5),
        Some(Exit::NotMigrated(_)) => ExitCode::from(6),
        Some(Exit::Obstacles(_)) => ExitCode::from(7),
        None => ExitCode::FAILURE,
    }
}
