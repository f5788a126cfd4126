//! The provider's charge: what the shop reads of it, and its text as it was sent.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::attempt::Attempt;

/// What the shop reads of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Charge {
    /// Its id.
    pub id: String,
    /// In cents.
    pub amount: u64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Whether it succeeded, or was authorized for a later capture.
    pub paid: bool,
    /// Whether the money was taken.
    pub captured: Option<bool>,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// Whether all of it was given back.
    #[serde(default)]
    pub refunded: bool,
    /// What the shop wrote on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Why it failed, for programs.
    pub failure_code: Option<String>,
    /// Why it failed, for people.
    pub failure_message: Option<String>,
}

/// A charge, and its text as the provider sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What the shop reads of it.
    pub charge: Charge,
    /// The whole, as JSON.
    pub text: String,
}

impl Receipt {
    /// Reads a charge.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            charge: serde_json::from_str(text)?,
            text: text.to_owned(),
        })
    }
}

impl Charge {
    /// Whether the money was taken.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.paid && self.status == "succeeded" && self.captured != Some(false)
    }

    /// The order that the shop wrote on it, and the number of the attempt.
    #[must_use]
    pub fn origin(&self) -> Option<(i64, u32)> {
        let order_id = self.metadata.get("order_id")?.parse().ok()?;
        let number = self.metadata.get("attempt")?.parse().ok()?;
        Some((order_id, number))
    }

    /// How it differs from what the attempt asked for, if it does.
    #[must_use]
    pub fn difference(&self, attempt: &Attempt) -> Option<String> {
        let Self {
            amount, currency, ..
        } = self;
        if *amount != attempt.amount || !currency.eq_ignore_ascii_case(&attempt.currency) {
            return Some(format!("charged {amount} {currency}"));
        }
        match self.origin() {
            Some(origin) if origin != (attempt.order_id, attempt.number) => Some(format!(
                "charged for order {}, attempt {}",
                origin.0, origin.1
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::attempt::tests::attempt;

    /// The charge of [`attempt`], with some fields changed.
    pub(crate) fn charge(changes: &Value) -> Value {
        let mut charge = json!({
            "id": "ch_1", "object": "charge", "amount": 1499, "currency": "usd", "paid": true,
            "captured": true, "status": "succeeded", "refunded": false,
            "metadata": {"order_id": "7", "attempt": "2"},
        });
        for (name, value) in changes.as_object().unwrap() {
            charge[name] = value.clone();
        }
        charge
    }

    pub(crate) fn receipt(changes: &Value) -> Receipt {
        Receipt::read(&charge(changes).to_string()).unwrap()
    }

    #[test]
    fn money_is_taken_by_a_captured_charge_that_succeeded() {
        let succeeded = |changes| receipt(&changes).charge.succeeded();
        assert!(succeeded(json!({})));
        assert!(succeeded(json!({"captured": null})));
        assert!(!succeeded(json!({"captured": false})));
        assert!(!succeeded(json!({"paid": false})));
        assert!(!succeeded(json!({"status": "pending"})));
    }

    #[test]
    fn the_text_stays_as_it_was_sent() {
        let text = r#"{ "id":"ch_1","amount":1,"currency":"usd","paid":true,"status":"succeeded", "x": 1.50 }"#;
        assert_eq!(Receipt::read(text).unwrap().text, text);
    }

    #[test]
    fn a_charge_of_something_else_is_told() {
        let differs = |changes| receipt(&changes).charge.difference(&attempt()).is_some();
        assert!(!differs(json!({})));
        assert!(!differs(json!({"metadata": {}, "currency": "USD"})));
        assert!(differs(json!({"amount": 1498})));
        assert!(differs(json!({"currency": "eur"})));
        assert!(differs(
            json!({"metadata": {"order_id": "8", "attempt": "2"}})
        ));
        assert!(differs(
            json!({"metadata": {"order_id": "7", "attempt": "1"}})
        ));
    }

    #[test]
    fn the_origin_is_what_the_shop_wrote() {
        let origin = |metadata: Value| receipt(&json!({"metadata": metadata})).charge.origin();
        assert_eq!(
            origin(json!({"order_id": "7", "attempt": "2"})),
            Some((7, 2))
        );
        assert_eq!(origin(json!({"order_id": "7"})), None);
        assert_eq!(origin(json!({"order_id": "seven", "attempt": "2"})), None);
        assert_eq!(origin(json!({})), None);
    }
}
