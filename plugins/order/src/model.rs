//! What answers are made of: rows of queries, with the names that clients see.
//! Money and percentages are text with two decimals.

use serde::{Deserialize, Serialize};

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
    pub shipping_cost: String,
    /// The region.
    pub shipping_region_id: i64,
}
