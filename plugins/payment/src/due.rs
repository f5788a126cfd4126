//! The amounts that pay for an order: the price of its goods, or the
//! grand total with shipping and tax.

use edge_sdk::{Failure, Result, config};

use crate::clients::orders::{self, Order};

/// Setting that says which amounts are taken: `any` (the default) or `grand`.
const SETTING: &str = "PAYMENT_DUE";

const BAD_SETTING: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

/// Which amounts pay an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// The price of its goods, or the grand total.
    Any,
    /// The grand total alone.
    Grand,
}

/// Returns whether `amount`, in cents, pays `order`.
///
/// # Errors
/// 500 for a setting that means nothing, 503 when the order service cannot be
/// asked.
pub fn is_paid_by(order: &Order, amount: u64) -> Result<bool> {
    let due = Due::parse(config::get(SETTING)?.as_deref())?;
    if due == Due::Any && amount == order.amount {
        return Ok(true);
    }
    let grand_total = orders::grand_total(order.order_id, order.customer_id)?;
    Ok(amount == grand_total)
}

impl Due {
    fn parse(setting: Option<&str>) -> Result<Self> {
        match setting.map(str::trim).unwrap_or_default() {
            "" | "any" => Ok(Self::Any),
            "grand" => Ok(Self::Grand),
            other => {
                eprintln!("{SETTING} is `any` or `grand`, not {other:?}");
                Err(BAD_SETTING)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_one_of_two_words() {
        for any in [None, Some(""), Some(" "), Some("any")] {
            assert_eq!(Due::parse(any), Ok(Due::Any), "{any:?}");
        }
        assert_eq!(Due::parse(Some("grand")), Ok(Due::Grand));
        for bad in ["total", "GRAND", "both"] {
            let failure = Due::parse(Some(bad)).unwrap_err();
            assert_eq!(failure.status(), 500, "{bad}");
        }
    }
}
