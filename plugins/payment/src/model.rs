//! One attempt to pay an order, and the rules about it that need no database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time for which a request has an attempt to itself: longer than charges take. A
/// request that takes longer still may meet another, which does no harm.
pub const LEASE: Duration = Duration::from_secs(15);

/// Time for which the provider surely remembers an idempotency key. Stripe promises
/// 24 hours; the margin is for the clocks.
pub const KEY_LIFETIME: Duration = Duration::from_secs(23 * 3600);

/// Time that it may take until the provider's search finds a new charge.
pub const SEARCH_LAG: Duration = Duration::from_secs(300);

/// The first wait before an unknown outcome is asked for again, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// State of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The provider may have charged the card, or may yet.
    Open,
    /// The card was charged this amount.
    Captured,
    /// The card was not charged, and will not be.
    Failed,
    /// The provider charged something else than it was asked to. Only a person
    /// can decide what is to become of that.
    Suspicious,
    /// The charge was refunded.
    Refunded,
}

impl State {
    /// Returns the name that the database has for the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Suspicious => "suspicious",
            Self::Refunded => "refunded",
        }
    }
}

/// One attempt to pay an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    pub attempt_id: i64,
    pub order_id: i64,
    /// Which attempt of the order it is, from 1.
    pub number: u32,
    /// The order's customer.
    pub customer_id: i64,
    /// The shop that made it; none if that was before shops had identities.
    pub shop_id: Option<String>,
    /// The provider it was made with; see [`Provider`](crate::provider::Provider).
    pub provider: String,
    /// The card's token, until the attempt is settled.
    pub token: Option<String>,
    /// Amount to charge, in cents.
    pub amount: u64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Text of the client about the charge.
    pub description: String,
    /// State of the attempt.
    pub state: State,
    /// The provider's charge, once one is known.
    pub charge_id: Option<String>,
    /// Number of times that the outcome stayed unknown, or could not be reported.
    pub tries: u32,
    /// When the order service was told the outcome.
    pub told_on: Option<String>,
    /// Seconds since it was made, when it was read, by the database's clock.
    /// They are fewer than none after a fail-over to a database whose clock is
    /// slower.
    pub age: i64,
}

impl Attempt {
    /// Returns the idempotency key of its charge: the same however often it is
    /// asked for, and no other shop's. An attempt from before shops had
    /// identities keeps the key that it may have been asked for with.
    #[must_use]
    pub fn charge_key(&self) -> String {
        let (order_id, number) = (self.order_id, self.number);
        match &self.shop_id {
            Some(shop_id) => format!("shop-{shop_id}-order-{order_id}-attempt-{number}"),
            None => format!("order-{order_id}-attempt-{number}"),
        }
    }

    /// Returns the idempotency key of the refund of its charge. A charge is
    /// refunded once, under whatever key.
    #[must_use]
    pub fn refund_key(&self, charge_id: &str) -> String {
        match &self.shop_id {
            Some(shop_id) => format!("shop-{shop_id}-order-{}-refund", self.order_id),
            None => format!("charge-{charge_id}-refund"),
        }
    }

    /// Returns whether it was made longer ago than this, when it was read.
    #[must_use]
    pub fn is_older_than(&self, age: Duration) -> bool {
        u64::try_from(self.age).is_ok_and(|seconds| seconds > age.as_secs())
    }
}

/// Returns the wait after this many tries: twice as long each time.
#[must_use]
pub fn wait(tries: u32) -> Duration {
    let (first, longest) = WAITS;
    first
        .saturating_mul(2_u32.saturating_pow(tries))
        .min(longest)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the second attempt to pay $14.99 for order 7.
    pub(crate) fn attempt() -> Attempt {
        Attempt {
            attempt_id: 1,
            order_id: 7,
            number: 2,
            customer_id: 3,
            shop_id: Some("s1".to_owned()),
            provider: "stripe+shop".to_owned(),
            token: Some("tok_visa".to_owned()),
            amount: 1499,
            currency: "usd".to_owned(),
            description: "Order 7".to_owned(),
            state: State::Open,
            charge_id: None,
            tries: 0,
            told_on: None,
            age: 300,
        }
    }

    /// Returns an attempt from before shops had identities.
    pub(crate) fn old_attempt() -> Attempt {
        Attempt {
            shop_id: None,
            provider: "stripe".to_owned(),
            ..attempt()
        }
    }

    #[test]
    fn keys_name_the_shop_the_order_and_the_attempt() {
        assert_eq!(attempt().charge_key(), "shop-s1-order-7-attempt-2");
        assert_eq!(attempt().refund_key("ch_1"), "shop-s1-order-7-refund");
    }

    #[test]
    fn an_old_attempt_keeps_its_key() {
        assert_eq!(old_attempt().charge_key(), "order-7-attempt-2");
        assert_eq!(old_attempt().refund_key("ch_1"), "charge-ch_1-refund");
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        let seconds = [0, 1, 2, 6, 7, 40, u32::MAX].map(|tries| wait(tries).as_secs());
        assert_eq!(seconds, [5, 10, 20, 320, 600, 600, 600]);
    }

    #[test]
    fn ages_are_compared_in_seconds() {
        assert!(attempt().is_older_than(Duration::from_secs(299)));
        assert!(!attempt().is_older_than(Duration::from_secs(300)));
        let early = Attempt {
            age: -1,
            ..attempt()
        };
        assert!(!early.is_older_than(Duration::ZERO));
    }

    #[test]
    fn states_have_the_names_that_the_database_has() {
        let states = [
            State::Open,
            State::Captured,
            State::Failed,
            State::Suspicious,
            State::Refunded,
        ];
        for state in states {
            let name = serde_json::to_value(state).unwrap();
            assert_eq!(name, state.name());
        }
    }
}
