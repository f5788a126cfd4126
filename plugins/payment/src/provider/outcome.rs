//! What the provider's answers mean. Whatever is not certain is unknown: a card
//! that may have been charged is never charged anew.

use serde::Deserialize;

use super::Reply;
use super::receipt::Receipt;
use crate::attempt::Attempt;

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The card was charged what was asked for.
    Captured(Receipt),
    /// The card was declined.
    Declined(Decline),
    /// The provider refuses the request; the text is its code.
    Refused(String),
    /// The provider was never asked, or knows of no charge; the text says more.
    Nothing(String),
    /// The card was charged something else; the text says what.
    Suspicious(Receipt, String),
    /// Anything may be true; the text says why.
    Unknown(String),
}

/// Why a card was declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// For programs, such as `insufficient_funds`.
    pub code: String,
    /// For the customer.
    pub message: Option<String>,
}

/// What became of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The money is on its way; the refund's id, if the provider told it.
    Back(Option<String>),
    /// The provider refuses; the text is its code.
    Refused(String),
    /// Anything may be true; the text says why.
    Unknown(String),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ProviderError,
}

#[derive(Deserialize)]
struct ProviderError {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    status: Option<String>,
}

/// What the answer to a charge means.
///
/// 401 and 403 are no certain refusals: the key may have been changed between a
/// request whose answer was lost and this one. Nor is an idempotency error: it
/// says that the key was used before.
#[must_use]
pub fn of_reply(attempt: &Attempt, reply: &Reply) -> Outcome {
    match reply.status {
        200 => match Receipt::read(&reply.body) {
            Ok(receipt) => of_receipt(attempt, receipt),
            Err(error) => Outcome::Unknown(format!("an unreadable charge: {error}")),
        },
        402 => match error(reply) {
            Some(error) => Outcome::Declined(error.into_decline()),
            None => unknown(reply),
        },
        400 | 404 => match error(reply) {
            Some(error) if error.kind != "idempotency_error" => Outcome::Refused(error.name()),
            _ => unknown(reply),
        },
        _ => unknown(reply),
    }
}

/// What a charge means that the provider tells of.
#[must_use]
pub fn of_receipt(attempt: &Attempt, receipt: Receipt) -> Outcome {
    let charge = &receipt.charge;
    if charge.status == "failed" && !charge.paid {
        return Outcome::Declined(Decline {
            code: charge.failure_code.clone().unwrap_or_default(),
            message: charge.failure_message.clone(),
        });
    }
    if !charge.succeeded() {
        let status = &charge.status;
        return Outcome::Unknown(format!("a charge that is {status}, and not captured"));
    }
    match charge.difference(attempt) {
        Some(difference) => Outcome::Suspicious(receipt, difference),
        None => Outcome::Captured(receipt),
    }
}

/// What the answer to a refund means.
#[must_use]
pub fn of_refund(reply: &Reply) -> Given {
    match reply.status {
        200 => match serde_json::from_str::<Refund>(&reply.body) {
            Ok(refund) => match refund.status.as_deref() {
                Some(status @ ("failed" | "canceled")) => Given::Refused(status.to_owned()),
                _ => Given::Back(Some(refund.id)),
            },
            Err(error) => Given::Unknown(format!("an unreadable refund: {error}")),
        },
        400 | 402 | 404 => match error(reply) {
            Some(error) if error.code.as_deref() == Some("charge_already_refunded") => {
                Given::Back(None)
            }
            Some(error) if error.kind != "idempotency_error" => Given::Refused(error.name()),
            _ => Given::Unknown(told(reply)),
        },
        _ => Given::Unknown(told(reply)),
    }
}

fn error(reply: &Reply) -> Option<ProviderError> {
    let body: ErrorBody = serde_json::from_str(&reply.body).ok()?;
    Some(body.error)
}

fn unknown(reply: &Reply) -> Outcome {
    Outcome::Unknown(told(reply))
}

/// The answer as a log line may have it. Messages stay out of it: they may name
/// the token.
fn told(reply: &Reply) -> String {
    match error(reply) {
        Some(error) => format!("HTTP {}, {}", reply.status, error.name()),
        None => format!("HTTP {}", reply.status),
    }
}

impl ProviderError {
    /// The code, or the type of an error without one.
    fn name(self) -> String {
        self.code.unwrap_or(self.kind)
    }

    fn into_decline(self) -> Decline {
        Decline {
            message: self.message.clone(),
            code: match self.decline_code.clone() {
                Some(code) => code,
                None => self.name(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::receipt::tests::{charge, receipt};
    use super::*;
    use crate::attempt::tests::attempt;

    fn reply(status: u16, body: &Value) -> Reply {
        Reply {
            status,
            body: body.to_string(),
        }
    }

    fn outcome(status: u16, body: &Value) -> Outcome {
        of_reply(&attempt(), &reply(status, body))
    }

    fn refusal(kind: &str, code: &str) -> Value {
        json!({"error": {"type": kind, "code": code, "message": "No such token: 'tok_secret'"}})
    }

    #[test]
    fn a_charge_as_asked_for_is_captured() {
        let expected = Outcome::Captured(receipt(&json!({})));
        assert_eq!(outcome(200, &charge(&json!({}))), expected);
    }

    #[test]
    fn a_charge_of_something_else_is_suspicious() {
        for changes in [json!({"amount": 1}), json!({"currency": "eur"})] {
            let outcome = outcome(200, &charge(&changes));
            assert!(matches!(outcome, Outcome::Suspicious(..)), "{outcome:?}");
        }
    }

    #[test]
    fn a_declined_card_says_why() {
        let body = json!({"error": {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
        }});
        let decline = Decline {
            code: "insufficient_funds".to_owned(),
            message: Some("Your card has insufficient funds.".to_owned()),
        };
        assert_eq!(outcome(402, &body), Outcome::Declined(decline));
        let Outcome::Declined(decline) = outcome(402, &refusal("card_error", "expired_card"))
        else {
            panic!("not declined");
        };
        assert_eq!(decline.code, "expired_card");
    }

    #[test]
    fn a_request_that_the_provider_refuses_charges_nothing() {
        let body = refusal("invalid_request_error", "resource_missing");
        let refused = Outcome::Refused("resource_missing".to_owned());
        assert_eq!(outcome(400, &body), refused);
        assert_eq!(outcome(404, &body), refused);
    }

    #[test]
    fn whatever_is_not_certain_is_unknown() {
        let unreadable = json!("cut o");
        let answers = [
            (200, unreadable.clone()),
            (200, json!({})),
            (200, charge(&json!({"id": null}))),
            (200, charge(&json!({"amount": -1499}))),
            (200, charge(&json!({"amount": "1499"}))),
            (200, charge(&json!({"paid": false}))),
            (200, charge(&json!({"captured": false}))),
            (200, charge(&json!({"status": "pending"}))),
            (202, charge(&json!({}))),
            (302, unreadable.clone()),
            (400, unreadable.clone()),
            (400, refusal("idempotency_error", "idempotency_key_reuse")),
            (401, refusal("invalid_request_error", "api_key_expired")),
            (402, unreadable.clone()),
            (403, refusal("invalid_request_error", "forbidden")),
            (409, refusal("idempotency_error", "idempotency_key_in_use")),
            (429, refusal("invalid_request_error", "rate_limit")),
            (500, refusal("api_error", "")),
            (503, unreadable),
        ];
        for (status, body) in answers {
            let outcome = outcome(status, &body);
            assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {body}");
            assert!(!format!("{outcome:?}").contains("tok_"), "{outcome:?}");
        }
    }

    #[test]
    fn a_failed_charge_is_a_decline() {
        let failed = receipt(&json!({
            "paid": false, "captured": false, "status": "failed", "failure_code": "card_declined",
            "failure_message": "Your card was declined.",
        }));
        let decline = Decline {
            code: "card_declined".to_owned(),
            message: Some("Your card was declined.".to_owned()),
        };
        assert_eq!(of_receipt(&attempt(), failed), Outcome::Declined(decline));
    }

    #[test]
    fn a_refund_is_given_refused_or_unknown() {
        let given = |status, body| of_refund(&reply(status, &body));
        let back = Given::Back(Some("re_1".to_owned()));
        for status in ["succeeded", "pending"] {
            assert_eq!(given(200, json!({"id": "re_1", "status": status})), back);
        }
        assert_eq!(
            given(200, json!({"id": "re_1", "status": "failed"})),
            Given::Refused("failed".to_owned())
        );
        assert_eq!(
            given(
                400,
                refusal("invalid_request_error", "charge_already_refunded")
            ),
            Given::Back(None)
        );
        assert_eq!(
            given(404, refusal("invalid_request_error", "resource_missing")),
            Given::Refused("resource_missing".to_owned())
        );
        for status in [200, 400, 401, 409, 429, 500] {
            let unreadable = given(status, json!([]));
            assert!(matches!(unreadable, Given::Unknown(_)), "{status}");
        }
    }
}
