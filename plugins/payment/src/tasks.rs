//! Scheduled work: what was cut off, left unknown or could not be told is seen
//! to here, however long ago it was.

use std::time::{Duration, Instant};

use edge_sdk::sql;

use crate::model::{Attempt, State};
use crate::provider::Provider;
use crate::{attempts, settlement, webhooks};

/// No further attempt is begun after this time: the last one may take as long
/// as the provider does.
const BUDGET: Duration = Duration::from_secs(4);

/// Why a piece of work was not finished.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("there is no task {0:?}")]
    Unknown(String),
    #[error(transparent)]
    Sql(#[from] sql::Error),
}

/// Does a piece of one of the manifest's tasks.
///
/// # Errors
/// Why it was not finished.
pub(crate) fn run(task: &str) -> Result<(), String> {
    let outcome = match task {
        "settle" => settle().map_err(Error::from),
        "forget" => forget().map_err(Error::from),
        _ => Err(Error::Unknown(task.to_owned())),
    };
    outcome.map_err(|error| error.to_string())
}

/// Forgets old events. The task runs when a node starts and seldom after, so it
/// also says what an operator should know.
fn forget() -> Result<(), sql::Error> {
    match Provider::configured() {
        Ok(Provider::Sandbox) => eprintln!(
            "sandbox: STRIPE_SECRET_KEY is not set, so test tokens are taken and no card is charged"
        ),
        Ok(Provider::Stripe(_)) => {}
        Err(error) => eprintln!("{error}"),
    }
    webhooks::events::forget()
}

fn settle() -> Result<(), sql::Error> {
    let start = Instant::now();
    for attempt in attempts::due()? {
        if start.elapsed() > BUDGET {
            break;
        }
        follow_up(&attempt)?;
    }
    Ok(())
}

/// Does what is left to do about an attempt. What still cannot be done is put off.
fn follow_up(attempt: &Attempt) -> Result<(), sql::Error> {
    match (attempt.state, attempt.charge_id.as_deref()) {
        (State::Open, _) => {
            if attempts::take(attempt)? {
                settlement::settle(attempt, false)?;
            }
        }
        (State::Captured | State::Refunded, Some(charge_id)) => {
            settlement::paid(attempt, charge_id)?;
        }
        (State::Failed, _) => {
            if attempts::take(attempt)? {
                settlement::failed(attempt)?;
            }
        }
        (State::Captured | State::Refunded | State::Suspicious, _) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_other_tasks() {
        assert_eq!(run("tidy"), Err("there is no task \"tidy\"".to_owned()));
    }
}
