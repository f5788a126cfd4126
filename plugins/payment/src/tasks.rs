//! Scheduled work: what was cut off, left unknown or could not be told is seen
//! to here, however long ago it was.

use std::time::{Duration, Instant};

use edge_sdk::sql::Error;

use crate::model::{Attempt, State};
use crate::provider::Provider;
use crate::{attempts, settlement, webhooks};

/// No further attempt is begun after this time: the last one may take as long
/// as the provider does.
const BUDGET: Duration = Duration::from_secs(4);

/// Does one bounded piece of a task of the manifest.
pub(crate) fn run(task: &str) -> Result<(), String> {
    let done = match task {
        "settle" => settle(),
        "forget" => forget(),
        _ => return Err(format!("no task {task}")),
    };
    done.map_err(|error| error.to_string())
}

/// Forgets old events. The task runs when a node starts and seldom after, so it
/// also says what an operator should know.
fn forget() -> Result<(), Error> {
    match Provider::configured() {
        Ok(Provider::Sandbox) => eprintln!(
            "sandbox: STRIPE_SECRET_KEY is not set, so test tokens are taken and no card is charged"
        ),
        Ok(Provider::Stripe(_)) => {}
        Err(error) => eprintln!("{error}"),
    }
    webhooks::events::forget()
}

fn settle() -> Result<(), Error> {
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
fn follow_up(attempt: &Attempt) -> Result<(), Error> {
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
