//! Customers whose cards are declined again and again have to wait: that is
//! how stolen cards are tried out.

use edge_sdk::{Result, rate_limit};

/// The policy of the manifest.
const POLICY: &str = "declined-cards";

/// Refuses a customer who had too many declined cards.
///
/// # Errors
/// 429 with `retry-after`.
pub(crate) fn check(customer_id: i64) -> Result<()> {
    let verdict = rate_limit::take(POLICY, &customer_id.to_string(), 0)?;
    if verdict.allowed && verdict.remaining > 0 {
        return Ok(());
    }
    Err(rate_limit::too_many(&verdict))
}

/// Counts a declined card.
pub(crate) fn count(customer_id: i64) {
    // A verdict changes nothing for this card any more.
    if let Err(error) = rate_limit::take(POLICY, &customer_id.to_string(), 1) {
        eprintln!("a declined card was not counted: {error}");
    }
}
