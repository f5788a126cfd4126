//! Limits on what a customer's unpaid orders hold, so that no customer holds
//! what others want to buy: a number of orders, and in them a number
//! of pieces of products whose stock is counted.
//!
//! The rule is checked in the transaction that stores an order, after it has
//! taken the customer's turn: however many orders of a customer are placed at
//! once, they are counted one after the other.

use edge_sdk::sql::{self, Transaction};
use edge_sdk::{Failure, Result, config};

use super::reserved::reserved;

/// The setting of how many orders of a customer may be unpaid.
const MAX_ORDERS: &str = "MAX_UNPAID_ORDERS";
const DEFAULT_ORDERS: u64 = 10;

/// The setting of how many pieces in limited stock they may hold.
const MAX_PIECES: &str = "MAX_UNPAID_PIECES";
const DEFAULT_PIECES: u64 = 100;

/// The most unpaid orders that are looked at, and that can be set.
const MAX_ORDERS_SETTING: u64 = 1000;

/// The most pieces that can be set.
const MAX_PIECES_SETTING: u64 = 1_000_000_000;

/// Takes a customer's turn to order: nobody else orders in the customer's name
/// until the transaction ends.
pub const TAKE_TURN: &str = "UPDATE order_turn SET turns = turns + 1 WHERE customer_id = ?";

/// Inserts a customer who orders for the first time.
pub const FIRST_TURN: &str = "INSERT INTO order_turn (customer_id, turns) VALUES (?, 0)";

/// Selects the pieces that each unpaid order of a customer holds. Those of an older
/// shop hold none.
pub const UNPAID: &str = concat!(
    "SELECT counted_pieces FROM orders WHERE customer_id = ? AND status = 0 AND ",
    reserved!(holding),
    " AND cart_generation IS NOT NULL LIMIT 1000"
);

/// Refusal of an order that holds more pieces than all unpaid orders may.
const TOO_MANY_PIECES: Failure = Failure::new(400, "ORD_05", "The order is too large.");

/// Refusal of one more order: the customer has to pay first, or to wait.
pub const TOO_MUCH_UNPAID: Failure = Failure::new(
    429,
    "ORD_09",
    "There are too many unpaid orders. Please pay them first, or try again later.",
);

/// Seconds after which an unpaid order may have been cancelled.
const RETRY_AFTER: &str = "60";

const BAD_SETTING: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

/// Limits on the unpaid orders of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    orders: u64,
    pieces: u64,
}

/// Why an order is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// There are as many unpaid orders as there may be.
    #[error("the customer has {0} unpaid orders")]
    Orders(usize),
    /// With this order, the unpaid ones would hold too much.
    #[error("the customer's unpaid orders hold {0} pieces")]
    Pieces(u64),
    /// The order alone would.
    #[error("an order may have at most {0} pieces in limited stock")]
    Alone(u64),
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Orders(_) | Exceeded::Pieces(_) => {
                TOO_MUCH_UNPAID.header("retry-after", RETRY_AFTER)
            }
            Exceeded::Alone(most) => TOO_MANY_PIECES
                .with_message(format!(
                    "The order is too large: it can have at most {most} pieces of products in limited stock."
                ))
                .field("cart_id"),
        }
    }
}

impl Allowance {
    /// Reads the limits that the operator has set.
    ///
    /// # Errors
    /// 500 for a setting that is no number in its range.
    pub fn configured() -> Result<Self> {
        Ok(Self {
            orders: setting(MAX_ORDERS, DEFAULT_ORDERS, MAX_ORDERS_SETTING)?,
            pieces: setting(MAX_PIECES, DEFAULT_PIECES, MAX_PIECES_SETTING)?,
        })
    }

    /// Checks that an order of this many counted pieces may come to those that are
    /// unpaid, which hold these.
    fn check(self, unpaid: &[u64], pieces: u64) -> Result<(), Exceeded> {
        if pieces > self.pieces {
            return Err(Exceeded::Alone(self.pieces));
        }
        if u64::try_from(unpaid.len()).is_ok_and(|orders| orders >= self.orders) {
            return Err(Exceeded::Orders(unpaid.len()));
        }
        let held: u64 = unpaid.iter().sum();
        if held.saturating_add(pieces) > self.pieces {
            return Err(Exceeded::Pieces(held));
        }
        Ok(())
    }
}

/// A customer's turn to order, until the transaction ends.
#[derive(Debug)]
pub struct Turn {
    customer_id: i64,
}

impl Turn {
    /// Takes the turn of a customer; nothing if the customer never had one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn take(transaction: &Transaction, customer_id: i64) -> Result<Option<Self>, sql::Error> {
        let taken = transaction.query(TAKE_TURN).bind(customer_id).execute()?;
        Ok((taken.rows_affected > 0).then_some(Self { customer_id }))
    }

    /// Lets a customer have turns from now on.
    ///
    /// # Errors
    /// Those of the database.
    pub fn begin(customer_id: i64) -> Result<(), sql::Error> {
        match sql::query(FIRST_TURN).bind(customer_id).execute() {
            // Another request of the customer's was faster.
            Ok(_) | Err(sql::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Checks that the customer may have one more order, with this number of
    /// counted pieces.
    ///
    /// # Errors
    /// Those of the database.
    pub fn check(
        &self,
        transaction: &Transaction,
        allowance: Allowance,
        pieces: u64,
    ) -> Result<Result<(), Exceeded>, sql::Error> {
        let unpaid = transaction.query(UNPAID).bind(self.customer_id);
        Ok(allowance.check(&unpaid.fetch_all::<u64>()?, pieces))
    }
}

fn setting(key: &str, default: u64, most: u64) -> Result<u64> {
    let Some(text) = config::get(key)? else {
        return Ok(default);
    };
    number(&text, most).ok_or_else(|| {
        eprintln!("{key} is no whole number from 1 to {most}: {text:?}");
        BAD_SETTING
    })
}

fn number(text: &str, most: u64) -> Option<u64> {
    let number = text.parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        orders: 3,
        pieces: 10,
    };

    #[test]
    fn unpaid_orders_are_counted_with_their_pieces() {
        let check = |unpaid: &[u64], pieces| ALLOWANCE.check(unpaid, pieces);
        assert_eq!(check(&[], 10), Ok(()));
        assert_eq!(check(&[0, 0], 10), Ok(()));
        assert_eq!(check(&[4, 5], 1), Ok(()));
        assert_eq!(check(&[4, 5], 2), Err(Exceeded::Pieces(9)));
        assert_eq!(check(&[0, 0, 0], 0), Err(Exceeded::Orders(3)));
        assert_eq!(check(&[], 11), Err(Exceeded::Alone(10)));
        assert_eq!(
            check(&[u64::MAX / 2], 1),
            Err(Exceeded::Pieces(u64::MAX / 2))
        );
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_and_what_does_not_is_not() {
        let status = |exceeded: Exceeded| Failure::from(exceeded).status();
        assert_eq!(status(Exceeded::Orders(3)), 429);
        assert_eq!(status(Exceeded::Pieces(9)), 429);
        assert_eq!(status(Exceeded::Alone(10)), 400);
    }

    #[test]
    fn settings_are_whole_numbers_above_zero() {
        assert_eq!(number("1", 1000), Some(1));
        assert_eq!(number("1000", 1000), Some(1000));
        for bad in ["", "0", "-1", "1001", "1.5", "many"] {
            assert_eq!(number(bad, 1000), None, "{bad}");
        }
    }
}
