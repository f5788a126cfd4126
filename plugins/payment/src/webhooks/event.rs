//! An event as Stripe sends it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::provider::receipt::Receipt;

/// Fields of an event that the shop reads.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Id of the event, the same for every delivery.
    pub id: String,
    /// True if real money was moved.
    #[serde(default)]
    pub livemode: bool,
    #[serde(rename = "type")]
    name: String,
    /// The connected account, for events of somebody else's.
    account: Option<String>,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    object: Box<RawValue>,
}

/// The events that have an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A card was charged.
    Succeeded,
    /// A card was declined.
    Failed,
    /// A charge was refunded, all of it or a part.
    Refunded,
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Returns the kind of the event, if it is one that has an effect.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        match self.name.as_str() {
            "charge.succeeded" => Some(Kind::Succeeded),
            "charge.failed" => Some(Kind::Failed),
            "charge.refunded" => Some(Kind::Refunded),
            _ => None,
        }
    }

    /// Returns the kind of the event in Stripe's words.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the event is of an account that is connected to the shop's.
    #[must_use]
    pub fn is_for_another_account(&self) -> bool {
        self.account.is_some()
    }

    /// Returns the charge that it is about.
    ///
    /// # Errors
    /// When it is about something else.
    pub fn receipt(&self) -> Result<Receipt, serde_json::Error> {
        Receipt::read(self.data.object.get())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::receipt::tests::charge;

    fn event(name: &str) -> Event {
        let event = json!({
            "id": "evt_1", "object": "event", "type": name, "livemode": false,
            "data": {"object": charge(&json!({}))},
        });
        Event::read(event.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn known_kinds_have_an_effect() {
        assert_eq!(event("charge.succeeded").kind(), Some(Kind::Succeeded));
        assert_eq!(event("charge.failed").kind(), Some(Kind::Failed));
        assert_eq!(event("charge.refunded").kind(), Some(Kind::Refunded));
        for name in ["charge.updated", "CHARGE.SUCCEEDED", "payout.paid", ""] {
            assert_eq!(event(name).kind(), None);
        }
    }

    #[test]
    fn the_charge_is_read_from_the_event() {
        assert_eq!(
            event("charge.succeeded").receipt().unwrap().charge.id,
            "ch_1"
        );
    }

    #[test]
    fn an_event_of_a_connected_account_says_so() {
        assert!(!event("charge.succeeded").is_for_another_account());
        let body = br#"{"id": "evt_1", "type": "charge.succeeded", "account": "acct_1", "data": {"object": {}}}"#;
        let event = Event::read(body).unwrap();
        assert!(event.is_for_another_account());
        assert!(event.receipt().is_err());
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"id": 1, "type": "x", "data": {"object": {}}}"#,
        ] {
            assert!(Event::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
