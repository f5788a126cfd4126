//! Replies: the rows of queries, with the names that clients see.
//! Money and percentages are text with two decimals.
//!
//! Tables of an older shop may have any type, and NULL where ours have a value:
//! what nothing can stand for, such as an order's total, is null then.

use serde::{Deserialize, Deserializer, Serialize};

use edge_sdk::money::{Cents, Percentage};
use edge_sdk::sql::column;

/// The currency of the shop, ISO 4217, lower case.
pub const CURRENCY: &str = "usd";

/// Reads the currency of an order as ISO 4217 in lower case. An order of an
/// older shop that has none has the shop's; what an older shop wrote instead of
/// a code, such as `Dollars`, is none.
///
/// # Errors
/// Those of the deserializer.
pub(crate) fn currency<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = column::optional_text(value)?.unwrap_or_default();
    let text = text.trim();
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    Ok(match text {
        "" => Some(CURRENCY.to_owned()),
        code if is_code => Some(code.to_ascii_lowercase()),
        _ => None,
    })
}

/// A tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    pub tax_id: i64,
    /// Name of the tax.
    #[serde(deserialize_with = "column::text")]
    pub tax_type: String,
    /// Share of the price of the goods.
    #[serde(deserialize_with = "column::percentage")]
    pub tax_percentage: Percentage,
}

/// A part of the world that the shop sends to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingRegion {
    pub shipping_region_id: i64,
    /// Name of the region.
    #[serde(deserialize_with = "column::text")]
    pub shipping_region: String,
}

/// A way to send an order to a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    pub shipping_id: i64,
    /// Name of the way of shipping.
    #[serde(deserialize_with = "column::text")]
    pub shipping_type: String,
    /// Price of shipping.
    #[serde(deserialize_with = "column::money")]
    pub shipping_cost: Cents,
    pub shipping_region_id: i64,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    pub order_id: i64,
    pub product_id: Option<i64>,
    /// Choices of the customer.
    pub attributes: String,
    /// The product's name when it was ordered.
    pub product_name: String,
    /// Pieces.
    pub quantity: Option<u32>,
    /// The price of one when it was ordered.
    pub unit_cost: Option<Cents>,
    /// The price of all.
    pub subtotal: Option<Cents>,
}

/// An order as its customer's list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderSummary<'a> {
    pub order_id: i64,
    /// The price of its goods.
    pub total_amount: Option<Cents>,
    /// When it was made, in ISO 8601, UTC, if that is known.
    pub created_on: Option<String>,
    /// When it was shipped, if it was.
    pub shipped_on: Option<String>,
    /// 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
    pub status: Option<i64>,
    /// The customer's name.
    pub name: &'a str,
}

/// An order without its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortDetail<'a> {
    /// Fields that the list shows.
    #[serde(flatten)]
    pub summary: OrderSummary<'a>,
    /// Price of shipping.
    pub shipping_cost: Cents,
    /// The tax on its goods.
    pub tax_amount: Cents,
    /// All of it together.
    pub grand_total: Option<Cents>,
}

/// An order as merchants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminOrder {
    pub order_id: i64,
    /// Whose it is; orders of an older shop may be nobody's.
    #[serde(deserialize_with = "column::optional_integer")]
    pub customer_id: Option<i64>,
    /// The price of its goods.
    #[serde(deserialize_with = "column::optional_money")]
    pub total_amount: Option<Cents>,
    /// Price of shipping.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub shipping_cost: Cents,
    /// The tax on its goods.
    #[serde(deserialize_with = "column::money_or_zero")]
    pub tax_amount: Cents,
    /// ISO 4217, lower case; none where an older shop wrote something else.
    #[serde(deserialize_with = "currency")]
    pub currency: Option<String>,
    /// When it was made, in ISO 8601, UTC, if that is known.
    #[serde(deserialize_with = "column::optional_instant")]
    pub created_on: Option<String>,
    /// When it was shipped, if it was.
    #[serde(deserialize_with = "column::optional_instant")]
    pub shipped_on: Option<String>,
    /// 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
    #[serde(deserialize_with = "column::optional_integer")]
    pub status: Option<i64>,
    /// The charge that paid for it.
    #[serde(deserialize_with = "column::optional_text")]
    pub reference: Option<String>,
    /// Amount of that charge: the price of the goods, or the grand
    /// total. None for an order that is not paid, and where it is not known.
    #[serde(deserialize_with = "column::optional_money")]
    pub paid_amount: Option<Cents>,
}

/// An order with its lines, as merchants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminOrderDetail {
    #[serde(flatten)]
    pub order: AdminOrder,
    /// All of it together.
    pub grand_total: Option<Cents>,
    /// Lines of the order.
    pub lines: Vec<OrderLine>,
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, UnitDeserializer};

    use super::*;

    #[test]
    fn a_currency_is_a_code_or_the_shops() {
        let read = |text: &'static str| {
            currency(IntoDeserializer::<Error>::into_deserializer(text)).unwrap()
        };
        for (text, code) in [
            ("usd", Some("usd")),
            ("GBP", Some("gbp")),
            (" EUR ", Some("eur")),
            ("", Some("usd")),
            ("  ", Some("usd")),
            ("Dollars", None),
            ("$", None),
            ("€", None),
            ("840", None),
        ] {
            assert_eq!(read(text).as_deref(), code, "{text:?}");
        }
        let null = currency(UnitDeserializer::<Error>::new()).unwrap();
        assert_eq!(null.as_deref(), Some("usd"));
    }
}
