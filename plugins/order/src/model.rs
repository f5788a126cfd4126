//! What answers are made of: rows of queries, with the names that clients see.
//! Money and percentages are text with two decimals.

use serde::{Deserialize, Serialize};

use edge_sdk::money::Cents;

/// A tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// Its id.
    pub tax_id: i64,
    /// What it is called.
    pub tax_type: String,
    /// How much of the price of the goods.
    pub tax_percentage: String,
}

/// A part of the world that the shop sends to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingRegion {
    /// Its id.
    pub shipping_region_id: i64,
    /// Its name.
    pub shipping_region: String,
}

/// A way to send an order to a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    /// Its id.
    pub shipping_id: i64,
    /// What it is called.
    pub shipping_type: String,
    /// What it costs.
    pub shipping_cost: Cents,
    /// The region.
    pub shipping_region_id: i64,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// The order.
    pub order_id: i64,
    /// The product.
    pub product_id: i64,
    /// What the customer chose about it.
    pub attributes: String,
    /// The product's name when it was ordered.
    pub product_name: String,
    /// Pieces.
    pub quantity: u32,
    /// The price of one when it was ordered.
    pub unit_cost: Cents,
    /// The price of all.
    pub subtotal: Cents,
}

/// An order as its customer's list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderSummary<'a> {
    /// Its id.
    pub order_id: i64,
    /// The price of its goods.
    pub total_amount: Cents,
    /// When it was made, in ISO 8601, UTC.
    pub created_on: String,
    /// When it was shipped, if it was.
    pub shipped_on: Option<String>,
    /// 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
    pub status: i64,
    /// The customer's name.
    pub name: &'a str,
}

/// An order without its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShortDetail<'a> {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: OrderSummary<'a>,
    /// What sending it costs.
    pub shipping_cost: Cents,
    /// The tax on its goods.
    pub tax_amount: Cents,
    /// All of it together.
    pub grand_total: Cents,
}

/// An order as merchants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminOrder {
    /// Its id.
    pub order_id: i64,
    /// Whose it is; orders of an older shop may be nobody's.
    pub customer_id: Option<i64>,
    /// The price of its goods.
    pub total_amount: Cents,
    /// What sending it costs.
    pub shipping_cost: Cents,
    /// The tax on its goods.
    pub tax_amount: Cents,
    /// ISO 4217, lower case.
    pub currency: String,
    /// When it was made, in ISO 8601, UTC.
    pub created_on: String,
    /// When it was shipped, if it was.
    pub shipped_on: Option<String>,
    /// 0 new, 1 paid, 2 cancelled, 3 shipped, 4 refunded.
    pub status: i64,
    /// The charge that paid for it.
    pub reference: Option<String>,
    /// What that charge was made for: the price of its goods, or the grand
    /// total. None for an order that is not paid, or was paid by an older
    /// release.
    pub paid_amount: Option<Cents>,
}

/// An order with its lines, as merchants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminOrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: AdminOrder,
    /// All of it together.
    pub grand_total: Cents,
    /// Its lines.
    pub lines: Vec<OrderLine>,
}
