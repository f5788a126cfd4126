//! Events, and the signatures they are sent with.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::ledger::Charge;

/// Something that Stripe tells by itself.
#[derive(Debug, Clone)]
pub struct Event {
    pub body: String,
}

impl Event {
    pub(super) fn new(id: &str, name: &str, charge: &Charge) -> Self {
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": "2024-06-20",
            "created": charge.created,
            "data": {"object": charge.to_json()},
            "livemode": false,
            "pending_webhooks": 1,
            "type": name,
        });
        Self {
            body: event.to_string(),
        }
    }

    /// The `Stripe-Signature` of the event, made with this secret so many
    /// seconds ago.
    pub fn signature(&self, secret: &str, age: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = now.expect("after 1970").as_secs() - age;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("{time}.{}", self.body).as_bytes());
        format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
    }
}
