//! What can go wrong with a charge.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

/// What goes wrong with a charge.
#[derive(Debug)]
pub enum Fault {
    /// The card is charged, and nothing is answered until the test says so, or
    /// drops the sender. Until then the key is in use.
    Held(oneshot::Receiver<()>),
    /// The card is charged, and the connection closed without a reply.
    Closed,
    /// The card is charged, and the connection closed in the middle of the reply.
    Cut,
    /// The card is charged another amount than was asked for.
    WrongAmount,
    /// 409, as if the key were in use; nothing is charged or remembered.
    Conflict,
    /// 429; nothing is charged or remembered.
    TooMany,
    /// 500; nothing is charged, and Stripe repeats the reply for the key.
    Broken,
    /// 500 after the card was charged; Stripe repeats the reply for the key.
    BrokenAfterCharging,
    /// 200 with these words, which are no charge; nothing is charged, and Stripe
    /// repeats the reply for the key.
    Says(String),
}

/// The faults that are still to happen, by order.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<i64, VecDeque<Fault>>);

impl Faults {
    pub(super) fn add(&mut self, order_id: i64, fault: Fault) {
        self.0.entry(order_id).or_default().push_back(fault);
    }

    pub(super) fn next(&mut self, order_id: i64) -> Option<Fault> {
        self.0.get_mut(&order_id)?.pop_front()
    }
}
