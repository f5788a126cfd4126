//! The provider's charge: what the shop reads of it, and its text as it was sent.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Attempt;

/// The names of what the shop writes on charges.
const ORDER: &str = "order_id";
const ATTEMPT: &str = "attempt";
const SHOP: &str = "shop";

/// Returns what the shop writes on the attempt's charge, in names and values: by
/// all of it together, the charge is found again.
#[must_use]
pub fn metadata(attempt: &Attempt) -> Vec<(&'static str, String)> {
    let mut written = vec![
        (ORDER, attempt.order_id.to_string()),
        (ATTEMPT, attempt.number.to_string()),
    ];
    written.extend(attempt.shop_id.clone().map(|shop_id| (SHOP, shop_id)));
    written
}

/// Fields of a charge that the shop reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Charge {
    /// Id of the charge.
    pub id: String,
    /// In cents.
    pub amount: u64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// True for a charge that succeeded, or was authorized for a later capture.
    pub paid: bool,
    /// True if the money was taken.
    pub captured: Option<bool>,
    /// `succeeded`, `pending` or `failed`.
    pub status: String,
    /// True if all of the charge was refunded.
    #[serde(default)]
    pub refunded: bool,
    /// Text of the customer about the charge.
    pub description: Option<String>,
    /// Metadata that the shop wrote on the charge.
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
    /// Fields that the shop reads.
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
    /// Returns whether the money was taken.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.paid && self.status == "succeeded" && self.captured != Some(false)
    }

    /// Returns the order that a shop wrote on it, and the number of the attempt.
    #[must_use]
    pub fn numbers(&self) -> Option<(i64, u32)> {
        let order_id = self.metadata.get(ORDER)?.parse().ok()?;
        let number = self.metadata.get(ATTEMPT)?.parse().ok()?;
        Some((order_id, number))
    }

    /// Returns the identity of the shop that wrote on it.
    #[must_use]
    pub fn shop_id(&self) -> Option<&str> {
        self.metadata.get(SHOP).map(String::as_str)
    }

    /// Returns whether it has on it what the attempt's shop writes on its charges.
    #[must_use]
    pub fn is_marked_for(&self, attempt: &Attempt) -> bool {
        self.shop_id() == attempt.shop_id.as_deref()
            && self.numbers() == Some((attempt.order_id, attempt.number))
    }

    /// Returns whether it was made by the attempt, as far as the charge tells.
    /// Where no shop is named, others have the same numbers, so all that was
    /// asked for has to be the same.
    #[must_use]
    pub fn belongs_to(&self, attempt: &Attempt) -> bool {
        let is_same = || {
            self.is_as_asked(attempt)
                && self.description.as_deref().unwrap_or_default() == attempt.description
        };
        self.is_marked_for(attempt) && (attempt.shop_id.is_some() || is_same())
    }

    fn is_as_asked(&self, attempt: &Attempt) -> bool {
        self.amount == attempt.amount && self.currency.eq_ignore_ascii_case(&attempt.currency)
    }

    /// Returns how it differs from what the attempt asked for, if it does.
    #[must_use]
    pub fn difference(&self, attempt: &Attempt) -> Option<String> {
        if !self.is_as_asked(attempt) {
            return Some(format!("charged {} {}", self.amount, self.currency));
        }
        if !self.is_marked_for(attempt) {
            return Some(format!("charged for {:?}", self.metadata));
        }
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::tests::{attempt, old_attempt};

    /// Returns the charge of [`attempt`], with some fields changed.
    pub(crate) fn charge(changes: &Value) -> Value {
        let mut charge = json!({
            "id": "ch_1", "object": "charge", "amount": 1499, "currency": "usd", "paid": true,
            "captured": true, "status": "succeeded", "refunded": false,
            "description": "Order 7",
            "metadata": {"order_id": "7", "attempt": "2", "shop": "s1"},
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
        let marked = |order: &str, attempt: &str| json!({"order_id": order, "attempt": attempt, "shop": "s1"});
        assert!(!differs(json!({})));
        assert!(!differs(json!({"currency": "USD"})));
        assert!(differs(json!({"amount": 1498})));
        assert!(differs(json!({"currency": "eur"})));
        for metadata in [
            json!({}),
            json!({"order_id": "7", "attempt": "2"}),
            json!({"order_id": "7", "attempt": "2", "shop": "s2"}),
            marked("8", "2"),
            marked("7", "1"),
            marked("seven", "2"),
        ] {
            assert!(differs(json!({ "metadata": metadata })), "{metadata}");
        }
    }

    #[test]
    fn a_charge_is_of_the_attempt_that_its_shop_wrote_on_it() {
        let charge = |metadata: Value| receipt(&json!({"metadata": metadata})).charge;
        let ours = charge(json!({"order_id": "7", "attempt": "2", "shop": "s1"}));
        assert!(ours.belongs_to(&attempt()) && !ours.belongs_to(&old_attempt()));
        let other = charge(json!({"order_id": "7", "attempt": "2", "shop": "s2"}));
        assert!(!other.belongs_to(&attempt()) && !other.belongs_to(&old_attempt()));
        let nobodys = charge(json!({}));
        assert!(!nobodys.belongs_to(&attempt()) && !nobodys.belongs_to(&old_attempt()));
    }

    #[test]
    fn a_charge_without_a_shop_is_of_an_old_attempt_if_all_is_the_same() {
        let unmarked = |changes: Value| {
            let mut all = json!({"metadata": {"order_id": "7", "attempt": "2"}});
            for (name, value) in changes.as_object().unwrap() {
                all[name] = value.clone();
            }
            receipt(&all).charge
        };
        assert!(unmarked(json!({})).belongs_to(&old_attempt()));
        assert!(!unmarked(json!({})).belongs_to(&attempt()));
        for other in [
            json!({"amount": 1}),
            json!({"currency": "eur"}),
            json!({"description": "Order 7 of another shop"}),
            json!({"description": null}),
        ] {
            assert!(
                !unmarked(other.clone()).belongs_to(&old_attempt()),
                "{other}"
            );
        }
    }
}
