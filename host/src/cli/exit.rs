//! How the command ends, for scripts: 0 when all went well, 1 for any other
//! error, 2 for a wrong command line, 3 when a rollout did not succeed and
//! what it changed was changed back, 4 when it is not known yet.

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
}

/// The code for an error.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Exit>() {
        Some(Exit::RolledBack(_)) => ExitCode::from(3),
        Some(Exit::TimedOut(_)) => ExitCode::from(4),
        None => ExitCode::FAILURE,
    }
}
