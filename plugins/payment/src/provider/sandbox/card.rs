//! Stripe's test tokens, and what becomes of a charge with each.

/// Smallest amount in US cents that Stripe charges, and the largest of any currency.
const AMOUNTS: std::ops::RangeInclusive<u64> = 50..=99_999_999;

/// The card behind a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) brand: &'static str,
    pub(super) last4: &'static str,
    /// `credit`, `debit` or `prepaid`.
    pub(super) funding: &'static str,
}

/// Why a card is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decline {
    pub(super) code: &'static str,
    pub(super) decline_code: &'static str,
    pub(super) message: &'static str,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    /// The parameter at fault.
    pub(super) param: &'static str,
    pub(super) message: &'static str,
}

/// Outcome of a charge in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Paid(Card),
    Declined(Decline),
    Refused(Refusal),
}

const NO_SUCH_TOKEN: Refusal = Refusal {
    code: "resource_missing",
    param: "source",
    message: "No such token. The sandbox takes Stripe's test tokens, such as tok_visa.",
};

const TOO_SMALL: Refusal = Refusal {
    code: "amount_too_small",
    param: "amount",
    message: "Amount must be at least $0.50 usd",
};

const TOO_LARGE: Refusal = Refusal {
    code: "amount_too_large",
    param: "amount",
    message: "Amount must be no more than $999,999.99",
};

const DECLINED: &str = "Your card was declined.";
const FUNDS: &str = "Your card has insufficient funds.";
const EXPIRED: &str = "Your card has expired.";
const CVC: &str = "Your card's security code is incorrect.";
const PROCESSING: &str = "An error occurred while processing your card. Try again in a little bit.";
const VELOCITY: &str = "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.";

/// The test tokens that the sandbox takes, each with the outcome of a charge.
const TOKENS: [(&str, Verdict); 23] = [
    ("tok_visa", paid("visa", "4242", "credit")),
    ("tok_visa_debit", paid("visa", "5556", "debit")),
    ("tok_mastercard", paid("mastercard", "4444", "credit")),
    ("tok_mastercard_debit", paid("mastercard", "8210", "debit")),
    (
        "tok_mastercard_prepaid",
        paid("mastercard", "5100", "prepaid"),
    ),
    ("tok_amex", paid("amex", "8431", "credit")),
    ("tok_discover", paid("discover", "9424", "credit")),
    ("tok_diners", paid("diners", "0004", "credit")),
    ("tok_jcb", paid("jcb", "0505", "credit")),
    ("tok_unionpay", paid("unionpay", "0005", "credit")),
    ("tok_bypassPending", paid("visa", "0077", "credit")),
    ("tok_chargeDeclined", GENERIC_DECLINE),
    ("tok_chargeCustomerFail", GENERIC_DECLINE),
    (
        "tok_chargeDeclinedInsufficientFunds",
        declined("card_declined", "insufficient_funds", FUNDS),
    ),
    (
        "tok_chargeDeclinedLostCard",
        declined("card_declined", "lost_card", DECLINED),
    ),
    (
        "tok_chargeDeclinedStolenCard",
        declined("card_declined", "stolen_card", DECLINED),
    ),
    ("tok_chargeDeclinedFraudulent", FRAUDULENT),
    ("tok_radarBlock", FRAUDULENT),
    (
        "tok_chargeDeclinedVelocityLimitExceeded",
        declined("card_declined", "card_velocity_exceeded", VELOCITY),
    ),
    (
        "tok_chargeDeclinedExpiredCard",
        declined("expired_card", "expired_card", EXPIRED),
    ),
    ("tok_chargeDeclinedIncorrectCvc", INCORRECT_CVC),
    ("tok_cvcCheckFail", INCORRECT_CVC),
    (
        "tok_chargeDeclinedProcessingError",
        declined("processing_error", "processing_error", PROCESSING),
    ),
];

const GENERIC_DECLINE: Verdict = declined("card_declined", "generic_decline", DECLINED);
const FRAUDULENT: Verdict = declined("card_declined", "fraudulent", DECLINED);
const INCORRECT_CVC: Verdict = declined("incorrect_cvc", "incorrect_cvc", CVC);

const fn paid(brand: &'static str, last4: &'static str, funding: &'static str) -> Verdict {
    Verdict::Paid(Card {
        brand,
        last4,
        funding,
    })
}

const fn declined(
    code: &'static str,
    decline_code: &'static str,
    message: &'static str,
) -> Verdict {
    Verdict::Declined(Decline {
        code,
        decline_code,
        message,
    })
}

/// Returns the outcome of a charge of an amount in cents with this token.
pub(super) fn evaluate(token: &str, amount: u64) -> Verdict {
    if amount < *AMOUNTS.start() {
        return Verdict::Refused(TOO_SMALL);
    }
    if amount > *AMOUNTS.end() {
        return Verdict::Refused(TOO_LARGE);
    }
    let known = TOKENS.iter().find(|(name, _)| *name == token);
    known.map_or(Verdict::Refused(NO_SUCH_TOKEN), |(_, verdict)| *verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_every_brand_are_charged() {
        for (token, brand, last4) in [
            ("tok_visa", "visa", "4242"),
            ("tok_mastercard", "mastercard", "4444"),
            ("tok_amex", "amex", "8431"),
        ] {
            let Verdict::Paid(card) = evaluate(token, 1499) else {
                panic!("{token} is not charged");
            };
            assert_eq!((card.brand, card.last4), (brand, last4));
        }
    }

    #[test]
    fn declines_have_stripes_codes() {
        for (token, code, decline_code) in [
            ("tok_chargeDeclined", "card_declined", "generic_decline"),
            (
                "tok_chargeDeclinedInsufficientFunds",
                "card_declined",
                "insufficient_funds",
            ),
            (
                "tok_chargeDeclinedExpiredCard",
                "expired_card",
                "expired_card",
            ),
            (
                "tok_chargeDeclinedIncorrectCvc",
                "incorrect_cvc",
                "incorrect_cvc",
            ),
            (
                "tok_chargeDeclinedProcessingError",
                "processing_error",
                "processing_error",
            ),
        ] {
            let Verdict::Declined(decline) = evaluate(token, 1499) else {
                panic!("{token} is not declined");
            };
            assert_eq!((decline.code, decline.decline_code), (code, decline_code));
        }
    }

    #[test]
    fn other_tokens_and_amounts_are_refused() {
        for token in ["", "tok_", "TOK_VISA", "tok_visa ", "4242424242424242"] {
            assert_eq!(
                evaluate(token, 1499),
                Verdict::Refused(NO_SUCH_TOKEN),
                "{token:?}"
            );
        }
        assert_eq!(evaluate("tok_visa", 49), Verdict::Refused(TOO_SMALL));
        assert_eq!(
            evaluate("tok_visa", 100_000_000),
            Verdict::Refused(TOO_LARGE)
        );
        assert!(matches!(evaluate("tok_visa", 50), Verdict::Paid(_)));
        assert!(matches!(evaluate("tok_visa", 99_999_999), Verdict::Paid(_)));
    }
}
