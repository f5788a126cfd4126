//! Outcomes, read from a provider's replies. Whatever is not certain is
//! unknown: a card that may have been charged is never charged anew.

use serde::Deserialize;

use super::receipt::Receipt;
use super::reply::Reply;
use crate::model::Attempt;

/// Outcome of a charge.
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

/// Outcome of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way; the refund's id, if the provider told it.
    Refunded(Option<String>),
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

impl Outcome {
    /// Interprets the reply to a charge.
    ///
    /// 401 and 403 are no certain refusals: the key may have been changed between a
    /// request whose answer was lost and this one. Nor is an idempotency error: it
    /// says that the key was used before.
    #[must_use]
    pub fn from_reply(attempt: &Attempt, reply: &Reply) -> Self {
        match reply.status {
            200 => match Receipt::read(&reply.body) {
                Ok(receipt) => Self::from_receipt(attempt, receipt),
                Err(error) => Self::Unknown(format!("an unreadable charge: {error}")),
            },
            402 => match error(reply) {
                Some(error) => Self::Declined(error.into_decline()),
                None => Self::unknown(reply),
            },
            400 | 404 => match error(reply) {
                Some(error) if error.kind != "idempotency_error" => Self::Refused(error.name()),
                _ => Self::unknown(reply),
            },
            _ => Self::unknown(reply),
        }
    }

    /// Interprets a charge that the provider tells of.
    #[must_use]
    pub fn from_receipt(attempt: &Attempt, receipt: Receipt) -> Self {
        let charge = &receipt.charge;
        if charge.status == "failed" && !charge.paid {
            return Self::Declined(Decline {
                code: charge.failure_code.clone().unwrap_or_default(),
                message: charge.failure_message.clone(),
            });
        }
        if !charge.succeeded() {
            let status = &charge.status;
            return Self::Unknown(format!("a charge that is {status}, and not captured"));
        }
        match charge.difference(attempt) {
            Some(difference) => Self::Suspicious(receipt, difference),
            None => Self::Captured(receipt),
        }
    }

    fn unknown(reply: &Reply) -> Self {
        Self::Unknown(log_line(reply))
    }
}

impl RefundOutcome {
    /// Interprets the reply to a refund.
    #[must_use]
    pub fn from_reply(reply: &Reply) -> Self {
        match reply.status {
            200 => match serde_json::from_str::<Refund>(&reply.body) {
                Ok(refund) => match refund.status.as_deref() {
                    Some(status @ ("failed" | "canceled")) => Self::Refused(status.to_owned()),
                    _ => Self::Refunded(Some(refund.id)),
                },
                Err(error) => Self::Unknown(format!("an unreadable refund: {error}")),
            },
            400 | 402 | 404 => match error(reply) {
                Some(error) if error.code.as_deref() == Some("charge_already_refunded") => {
                    Self::Refunded(None)
                }
                Some(error) if error.kind != "idempotency_error" => Self::Refused(error.name()),
                _ => Self::Unknown(log_line(reply)),
            },
            _ => Self::Unknown(log_line(reply)),
        }
    }
}

fn error(reply: &Reply) -> Option<ProviderError> {
    let body: ErrorBody = serde_json::from_str(&reply.body).ok()?;
    Some(body.error)
}

/// Returns the reply as a log line may have it. Messages stay out of it: they
/// may name the token.
fn log_line(reply: &Reply) -> String {
    match error(reply) {
        Some(error) => format!("HTTP {}, {}", reply.status, error.name()),
        None => format!("HTTP {}", reply.status),
    }
}

impl ProviderError {
    /// Returns the code, or the type of an error without one.
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
    use crate::model::tests::attempt;

    fn reply(status: u16, body: &Value) -> Reply {
        Reply {
            status,
            body: body.to_string(),
        }
    }

    fn outcome(status: u16, body: &Value) -> Outcome {
        Outcome::from_reply(&attempt(), &reply(status, body))
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
        assert_eq!(
            Outcome::from_receipt(&attempt(), failed),
            Outcome::Declined(decline)
        );
    }

    #[test]
    fn a_refund_is_given_refused_or_unknown() {
        let outcome = |status, body| RefundOutcome::from_reply(&reply(status, &body));
        let back = RefundOutcome::Refunded(Some("re_1".to_owned()));
        for status in ["succeeded", "pending"] {
            assert_eq!(outcome(200, json!({"id": "re_1", "status": status})), back);
        }
        assert_eq!(
            outcome(200, json!({"id": "re_1", "status": "failed"})),
            RefundOutcome::Refused("failed".to_owned())
        );
        assert_eq!(
            outcome(
                400,
                refusal("invalid_request_error", "charge_already_refunded")
            ),
            RefundOutcome::Refunded(None)
        );
        assert_eq!(
            outcome(404, refusal("invalid_request_error", "resource_missing")),
            RefundOutcome::Refused("resource_missing".to_owned())
        );
        for status in [200, 400, 401, 409, 429, 500] {
            let unreadable = outcome(status, json!([]));
            assert!(matches!(unreadable, RefundOutcome::Unknown(_)), "{status}");
        }
    }
}
