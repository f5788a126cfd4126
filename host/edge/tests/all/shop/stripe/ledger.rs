//! What happened to the money.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::card::Decline;

/// A charge that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: String,
    /// In cents.
    pub amount: u64,
    pub currency: String,
    pub description: String,
    pub metadata: BTreeMap<String, String>,
    /// Why the card was not charged, if it was not.
    pub decline: Option<Decline>,
    pub refunded: bool,
    /// In seconds since 1970.
    pub created: u64,
}

/// Why a charge is not given back.
pub(super) enum NotRefunded {
    NoSuchCharge,
    AlreadyRefunded,
}

/// Every charge, oldest first.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) charges: Vec<Charge>,
    numbers: u64,
}

impl Charge {
    /// The order that the shop wrote on it.
    pub fn order_id(&self) -> Option<i64> {
        self.metadata.get("order_id")?.parse().ok()
    }

    /// The identity that the shop wrote on it.
    pub fn shop(&self) -> Option<&str> {
        self.metadata.get("shop").map(String::as_str)
    }

    /// Whether the customer has paid it and not got it back.
    pub fn is_captured(&self) -> bool {
        self.decline.is_none() && !self.refunded
    }

    /// The charge as Stripe shows it.
    pub(super) fn to_json(&self) -> Value {
        let paid = self.decline.is_none();
        let taken = if paid { self.amount } else { 0 };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": taken,
            "amount_refunded": if self.refunded { self.amount } else { 0 },
            "captured": paid,
            "created": self.created,
            "currency": self.currency,
            "description": self.description,
            "failure_code": self.decline.map(|decline| decline.code),
            "failure_message": self.decline.map(|decline| decline.message),
            "livemode": false,
            "metadata": self.metadata,
            "paid": paid,
            "payment_intent": null,
            "receipt_url": format!("https://pay.stripe.com/receipts/{}", self.id),
            "refunded": self.refunded,
            "status": if paid { "succeeded" } else { "failed" },
        })
    }
}

impl Ledger {
    /// A number that was not used before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Enter a charge, under a new id and the present time.
    pub(super) fn enter(&mut self, charge: Charge) -> &Charge {
        let id = format!("ch_{}", self.next_number());
        let created = SystemTime::now().duration_since(UNIX_EPOCH);
        let created = created.expect("after 1970").as_secs();
        self.charges.push(Charge {
            id,
            created,
            ..charge
        });
        self.charges.last().expect("one was entered")
    }

    pub(super) fn find(&self, charge_id: &str) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.id == charge_id)
    }

    /// Give a charge back, all of it.
    pub(super) fn refund(&mut self, charge_id: &str) -> Result<u64, NotRefunded> {
        let mut charges = self.charges.iter_mut();
        let charge = charges.find(|charge| charge.id == charge_id && charge.decline.is_none());
        let charge = charge.ok_or(NotRefunded::NoSuchCharge)?;
        if charge.refunded {
            return Err(NotRefunded::AlreadyRefunded);
        }
        charge.refunded = true;
        Ok(charge.amount)
    }
}
