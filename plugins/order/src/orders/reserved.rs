//! The column `reserved` of the table `orders`: how far an order's stock is.

use edge_sdk::sql;
use serde::Deserialize;

/// Expands to the SQL condition for one of the sets of states that statements
/// ask for:
///
/// - `visible`: customers and merchants see the order;
/// - `secured`: its stock is held, or none is needed, so that it can be paid;
/// - `holding`: it holds stock, or is about to;
/// - `releasing`: its stock is to be put back.
macro_rules! reserved {
    (visible) => {
        "reserved IN (1, 2, 3)"
    };
    (secured) => {
        "reserved IN (1, 2)"
    };
    (holding) => {
        "reserved IN (0, 1, 2)"
    };
    (releasing) => {
        "reserved IN (3, 4)"
    };
}

pub(crate) use reserved;

/// State of an order's stock, as the column `reserved` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub enum Stock {
    /// The stock is to be taken. Customers do not see the order yet.
    Asked,
    /// The stock is taken.
    Held,
    /// None is taken: nobody counts it, or it was put back.
    None,
    /// The stock is to be put back.
    Returning,
    /// The stock was not available. The order is to be deleted; customers do
    /// not see it.
    Withdrawn,
}

/// The column's number has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order has its stock in the unknown state {0}")]
pub struct Unknown(i64);

impl TryFrom<i64> for Stock {
    type Error = Unknown;

    fn try_from(number: i64) -> Result<Self, Unknown> {
        match number {
            0 => Ok(Self::Asked),
            1 => Ok(Self::Held),
            2 => Ok(Self::None),
            3 => Ok(Self::Returning),
            4 => Ok(Self::Withdrawn),
            _ => Err(Unknown(number)),
        }
    }
}

impl From<Stock> for sql::Value {
    fn from(stock: Stock) -> Self {
        Self::Integer(match stock {
            Stock::Asked => 0,
            Stock::Held => 1,
            Stock::None => 2,
            Stock::Returning => 3,
            Stock::Withdrawn => 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for number in 0..5 {
            let stock = Stock::try_from(number).unwrap();
            assert_eq!(sql::Value::from(stock), sql::Value::Integer(number));
        }
        assert_eq!(Stock::try_from(5), Err(Unknown(5)));
        assert_eq!(Stock::try_from(-1), Err(Unknown(-1)));
    }

    /// Returns the states that a condition on the column lets through.
    fn states(condition: &str) -> Vec<Stock> {
        let numbers = condition.strip_prefix("reserved IN (");
        let numbers = numbers.and_then(|rest| rest.strip_suffix(')')).unwrap();
        let numbers = numbers.split(", ").map(|number| number.parse().unwrap());
        numbers
            .map(|number: i64| Stock::try_from(number).unwrap())
            .collect()
    }

    #[test]
    fn sets_of_states_have_their_members() {
        use Stock::{Asked, Held, None, Returning, Withdrawn};
        assert_eq!(states(reserved!(visible)), [Held, None, Returning]);
        assert_eq!(states(reserved!(secured)), [Held, None]);
        assert_eq!(states(reserved!(holding)), [Asked, Held, None]);
        assert_eq!(states(reserved!(releasing)), [Returning, Withdrawn]);
    }
}
