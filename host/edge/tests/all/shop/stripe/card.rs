//! The test tokens that these tests use.

/// Why a card is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decline {
    pub code: &'static str,
    pub decline_code: &'static str,
    pub message: &'static str,
}

/// What becomes of a charge with this token; nothing if there is no such token.
pub(super) fn judge(token: &str) -> Option<Result<(), Decline>> {
    let declined = |code, decline_code, message| {
        Some(Err(Decline {
            code,
            decline_code,
            message,
        }))
    };
    match token {
        "tok_visa" | "tok_mastercard" | "tok_amex" => Some(Ok(())),
        "tok_chargeDeclined" => declined(
            "card_declined",
            "generic_decline",
            "Your card was declined.",
        ),
        "tok_chargeDeclinedInsufficientFunds" => declined(
            "card_declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        "tok_chargeDeclinedExpiredCard" => {
            declined("expired_card", "expired_card", "Your card has expired.")
        }
        _ => None,
    }
}
