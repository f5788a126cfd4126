//! The lines of orders, as the database has them.

use edge_sdk::money::Cents;
use edge_sdk::sql::{self, Readable, column};
use serde::Deserialize;

use crate::model::OrderLine;

/// Selects a page of the lines of an order, by the order's id.
pub const PAGE: &str = "SELECT item_id, order_id, product_id, attributes, product_name, quantity, unit_cost \
     FROM order_detail WHERE order_id = ? ORDER BY item_id LIMIT ? OFFSET ?";

/// A row of [`PAGE`].
#[derive(Deserialize)]
struct Row {
    order_id: i64,
    #[serde(deserialize_with = "column::optional_integer")]
    product_id: Option<i64>,
    #[serde(deserialize_with = "column::text")]
    attributes: String,
    #[serde(deserialize_with = "column::text")]
    product_name: String,
    #[serde(deserialize_with = "column::optional_integer")]
    quantity: Option<u32>,
    #[serde(deserialize_with = "column::optional_money")]
    unit_cost: Option<Cents>,
}

impl From<Row> for OrderLine {
    fn from(row: Row) -> Self {
        Self {
            order_id: row.order_id,
            product_id: row.product_id,
            attributes: row.attributes,
            product_name: row.product_name,
            quantity: row.quantity,
            unit_cost: row.unit_cost,
            subtotal: subtotal(row.unit_cost, row.quantity),
        }
    }
}

/// Returns at most `limit` lines of an order, from the one after `offset`.
///
/// # Errors
/// Those of the database.
pub fn read(order_id: i64, limit: i64, offset: i64) -> Result<Readable<OrderLine>, sql::Error> {
    let rows: Readable<Row> = sql::query(PAGE)
        .bind(order_id)
        .bind(limit)
        .bind(offset)
        .readable_rows("order_detail", "item_id")?;
    Ok(rows.map(OrderLine::from))
}

fn subtotal(unit_cost: Option<Cents>, quantity: Option<u32>) -> Option<Cents> {
    Some(unit_cost?.times(quantity?))
}
