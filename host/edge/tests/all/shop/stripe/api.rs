//! What Stripe does with requests, and what it answers.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::card;
use super::fault::{Fault, Faults};
use super::form::{self, Form};
use super::keys::Keys;
use super::ledger::{Charge, Ledger, NotRefunded};

/// An account at Stripe.
#[derive(Default)]
pub(super) struct Account {
    pub(super) ledger: Ledger,
    pub(super) faults: Faults,
    /// What was wrong with requests that only a faulty shop would send.
    pub(super) complaints: Vec<String>,
    keys: Keys,
}

/// A status and a JSON body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// How much of an answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrives {
    Whole,
    Half,
    Nothing,
}

impl Answer {
    pub(super) fn ok(body: &Value) -> Self {
        Self {
            status: 200,
            body: body.to_string(),
        }
    }

    /// An error; what is empty is left out of it.
    pub(super) fn error(status: u16, kind: &str, code: &str, param: &str) -> Self {
        let mut error = json!({"type": kind, "message": "Refused by the Stripe of the tests."});
        for (name, value) in [("code", code), ("param", param)] {
            if !value.is_empty() {
                error[name] = value.into();
            }
        }
        Self {
            status,
            body: json!({ "error": error }).to_string(),
        }
    }

    fn missing(param: &str) -> Self {
        Self::error(400, "invalid_request_error", "parameter_missing", param)
    }

    fn declined(charge: &Charge, decline: card::Decline) -> Self {
        let error = json!({
            "type": "card_error",
            "charge": charge.id,
            "code": decline.code,
            "decline_code": decline.decline_code,
            "message": decline.message,
        });
        Self {
            status: 402,
            body: json!({ "error": error }).to_string(),
        }
    }
}

/// POST `/v1/charges`.
pub(super) async fn charge(
    account: Arc<Mutex<Account>>,
    key: String,
    form: Form,
) -> (Answer, Arrives) {
    let (answer, fault) = begin_charge(&account, &key, &form);
    let Some(answer) = answer else {
        return finish_charge(&account, &key, &form, fault).await;
    };
    (answer, Arrives::Whole)
}

/// What is answered without working on the charge, and what goes wrong with it
/// otherwise.
fn begin_charge(
    account: &Mutex<Account>,
    key: &str,
    form: &Form,
) -> (Option<Answer>, Option<Fault>) {
    let mut account = account.lock().expect("no request has panicked");
    let order_id = form
        .metadata()
        .get("order_id")
        .and_then(|id| id.parse().ok());
    let fault = order_id.and_then(|order_id| account.faults.next(order_id));
    let answer = match fault {
        Some(Fault::Conflict) => Some(Answer::error(
            409,
            "idempotency_error",
            "idempotency_key_in_use",
            "",
        )),
        Some(Fault::TooMany) => Some(Answer::error(
            429,
            "invalid_request_error",
            "rate_limit",
            "",
        )),
        _ => account.keys.begin(key, &format!("charge {form:?}")),
    };
    (answer, fault)
}

/// Charges the card, and keeps the answer for the key.
async fn finish_charge(
    account: &Mutex<Account>,
    key: &str,
    form: &Form,
    fault: Option<Fault>,
) -> (Answer, Arrives) {
    let lock = || account.lock().expect("no request has panicked");
    let broken = || Answer::error(500, "api_error", "", "");
    let answer = match &fault {
        Some(Fault::Says(body)) => Answer {
            status: 200,
            body: body.clone(),
        },
        Some(Fault::Broken) => broken(),
        Some(Fault::BrokenAfterCharging) => {
            lock().charge(form, 0);
            broken()
        }
        Some(Fault::WrongAmount) => lock().charge(form, 1),
        _ => lock().charge(form, 0),
    };
    let arrives = match fault {
        Some(Fault::Closed) => Arrives::Nothing,
        Some(Fault::Cut) => Arrives::Half,
        Some(Fault::Held(until)) => {
            // A test that drops the sender wants the answer sent, too.
            let _ = until.await;
            Arrives::Whole
        }
        _ => Arrives::Whole,
    };
    lock().keys.end(key, answer.clone());
    (answer, arrives)
}

impl Account {
    /// Charges so many cents too much.
    fn charge(&mut self, form: &Form, excess: u64) -> Answer {
        let Some(amount) = form.get("amount").and_then(|text| text.parse::<u64>().ok()) else {
            return Answer::missing("amount");
        };
        let Some(currency) = form.get("currency") else {
            return Answer::missing("currency");
        };
        let Some(verdict) = form.get("source").and_then(card::judge) else {
            return Answer::error(400, "invalid_request_error", "resource_missing", "source");
        };
        let charge = self.ledger.enter(Charge {
            id: String::new(),
            amount: amount + excess,
            currency: currency.to_owned(),
            description: form.get("description").unwrap_or_default().to_owned(),
            metadata: form.metadata(),
            decline: verdict.err(),
            refunded: false,
            created: 0,
        });
        match charge.decline {
            Some(decline) => Answer::declined(charge, decline),
            None => Answer::ok(&charge.to_json()),
        }
    }

    /// GET `/v1/charges/search`.
    pub(super) fn search(&self, query: &Form) -> Answer {
        let Some(wanted) = query.get("query").and_then(form::search) else {
            return Answer::missing("query");
        };
        let matches = |charge: &&Charge| {
            let mut wanted = wanted.iter();
            wanted.all(|(name, value)| charge.metadata.get(name) == Some(value))
        };
        let found = self.ledger.charges.iter().filter(matches);
        let found: Vec<_> = found.map(Charge::to_json).collect();
        Answer::ok(&json!({
            "object": "search_result",
            "data": found,
            "has_more": false,
            "next_page": null,
            "url": "/v1/charges/search",
        }))
    }

    /// POST `/v1/refunds`.
    pub(super) fn refund(&mut self, key: &str, form: &Form) -> Answer {
        if let Some(answer) = self.keys.begin(key, &format!("refund {form:?}")) {
            return answer;
        }
        let charge_id = form.get("charge").unwrap_or_default();
        let answer = match self.ledger.refund(charge_id) {
            Ok(amount) => Answer::ok(&json!({
                "id": format!("re_{}", self.ledger.next_number()),
                "object": "refund",
                "amount": amount,
                "charge": charge_id,
                "currency": "usd",
                "metadata": form.metadata(),
                "status": "succeeded",
            })),
            Err(NotRefunded::AlreadyRefunded) => Answer::error(
                400,
                "invalid_request_error",
                "charge_already_refunded",
                "charge",
            ),
            Err(NotRefunded::NoSuchCharge) => {
                Answer::error(404, "invalid_request_error", "resource_missing", "charge")
            }
        };
        self.keys.end(key, answer.clone());
        answer
    }
}
