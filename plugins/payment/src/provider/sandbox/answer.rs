//! The sandbox's replies, of the form that Stripe's have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::card::{Card, Decline, Refusal};
use crate::model::Attempt;
use crate::provider::receipt;
use crate::provider::reply::Reply;

/// Returns the reply of a captured charge, at this time in seconds since 1970.
pub(super) fn charge(attempt: &Attempt, charge_id: &str, card: &Card, created: u64) -> Reply {
    let amount = attempt.amount;
    let metadata: BTreeMap<_, _> = receipt::metadata(attempt).into_iter().collect();
    let address = json!({"address": null, "email": null, "name": null, "phone": null});
    reply(
        200,
        &json!({
            "id": charge_id,
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "billing_details": address,
            "captured": true,
            "created": created,
            "currency": attempt.currency,
            "customer": null,
            "description": attempt.description,
            "disputed": false,
            "failure_code": null,
            "failure_message": null,
            "invoice": null,
            "livemode": false,
            "metadata": metadata,
            "outcome": approval(),
            "paid": true,
            "payment_intent": null,
            "payment_method": card_id(card),
            "payment_method_details": {"card": payment_method(card), "type": "card"},
            "receipt_email": null,
            "receipt_url": format!("https://pay.stripe.com/receipts/sandbox/{charge_id}"),
            "refunded": false,
            "source": source(card),
            "statement_descriptor": null,
            "status": "succeeded",
        }),
    )
}

/// Returns the object `outcome` of a charge that succeeded.
fn approval() -> Value {
    json!({
        "network_status": "approved_by_network",
        "reason": null,
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    })
}

/// Returns the object `payment_method_details.card` of a charge.
fn payment_method(card: &Card) -> Value {
    let checks = json!({
        "address_line1_check": null,
        "address_postal_code_check": null,
        "cvc_check": "pass",
    });
    json!({
        "brand": card.brand,
        "checks": checks,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "funding": card.funding,
        "last4": card.last4,
        "network": card.brand,
    })
}

/// Returns the object `source` of a charge.
fn source(card: &Card) -> Value {
    json!({
        "id": card_id(card),
        "object": "card",
        "brand": card.brand,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "funding": card.funding,
        "last4": card.last4,
    })
}

fn card_id(card: &Card) -> String {
    format!("card_sandbox_{}", card.last4)
}

/// Returns the reply to a declined card.
pub(super) fn declined(charge_id: &str, decline: &Decline) -> Reply {
    error(
        402,
        &json!({
            "type": "card_error",
            "charge": charge_id,
            "code": decline.code,
            "decline_code": decline.decline_code,
            "message": decline.message,
        }),
    )
}

/// Returns the reply to a request that is wrong.
pub(super) fn refused(refusal: &Refusal) -> Reply {
    invalid(refusal.code, refusal.param, refusal.message)
}

/// Returns the reply to a refund of a charge that is not there.
pub(super) fn no_such_charge(charge_id: &str) -> Reply {
    let message = format!("No such charge: '{charge_id}'");
    invalid("resource_missing", "charge", &message)
}

/// Returns the reply of a refund.
pub(super) fn refund(refund_id: &str, charge_id: &str, amount: u64, currency: &str) -> Reply {
    reply(
        200,
        &json!({
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "charge": charge_id,
            "currency": currency,
            "status": "succeeded",
        }),
    )
}

fn invalid(code: &str, param: &str, message: &str) -> Reply {
    error(
        400,
        &json!({
            "type": "invalid_request_error",
            "code": code,
            "param": param,
            "message": message,
        }),
    )
}

fn error(status: u16, error: &Value) -> Reply {
    reply(status, &json!({ "error": error }))
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        body: body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::card::{self, Verdict};
    use super::*;
    use crate::model::tests::attempt;
    use crate::provider::outcome::{Outcome, RefundOutcome};

    fn answer(token: &str) -> Outcome {
        let attempt = attempt();
        let reply = match card::evaluate(token, attempt.amount) {
            Verdict::Paid(card) => charge(&attempt, "ch_1", &card, 1_700_000_000),
            Verdict::Declined(decline) => declined("ch_1", &decline),
            Verdict::Refused(refusal) => refused(&refusal),
        };
        Outcome::from_reply(&attempt, &reply)
    }

    #[test]
    fn replies_are_understood_as_stripes_are() {
        let Outcome::Captured(receipt) = answer("tok_amex") else {
            panic!("not captured");
        };
        assert!(receipt.charge.belongs_to(&attempt()));
        let Outcome::Declined(decline) = answer("tok_chargeDeclinedInsufficientFunds") else {
            panic!("not declined");
        };
        assert_eq!(decline.code, "insufficient_funds");
        let refused = Outcome::Refused("resource_missing".to_owned());
        assert_eq!(answer("tok_nobody"), refused);
    }

    #[test]
    fn refunds_are_understood_as_stripes_are() {
        let given = RefundOutcome::from_reply(&refund("re_1", "ch_1", 1499, "usd"));
        assert_eq!(given, RefundOutcome::Refunded(Some("re_1".to_owned())));
        let missing = RefundOutcome::from_reply(&no_such_charge("ch_1"));
        assert_eq!(
            missing,
            RefundOutcome::Refused("resource_missing".to_owned())
        );
    }
}
