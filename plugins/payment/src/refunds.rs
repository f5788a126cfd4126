//! Giving a charge back: for the order service, and for an order that was
//! cancelled while it was being paid.

use edge_sdk::{metrics, sql};

use crate::attempts;
use crate::model::Attempt;
use crate::provider::Provider;
use crate::provider::outcome::RefundOutcome;

/// Asks the provider to give the charge back, and records that it did.
///
/// # Errors
/// When the database does not answer: asking again is safe.
pub(crate) fn refund_charge(
    attempt: &Attempt,
    charge_id: &str,
) -> Result<RefundOutcome, sql::Error> {
    let outcome = match Provider::for_attempt(attempt) {
        Ok(provider) => provider.refund(attempt, charge_id),
        Err(why) => RefundOutcome::Unknown(why.to_string()),
    };
    match &outcome {
        RefundOutcome::Refunded(refund_id) => {
            if attempts::refund(attempt, refund_id.as_deref())? {
                metrics::count("shop_refunds_total", &[]);
            }
        }
        RefundOutcome::Refused(why) => {
            eprintln!(
                "ALARM: {}: charge {charge_id}: {why}",
                attempt.refund_key(charge_id)
            );
        }
        RefundOutcome::Unknown(why) => {
            eprintln!(
                "{}: the outcome is unknown: {why}",
                attempt.refund_key(charge_id)
            );
        }
    }
    Ok(outcome)
}
