//! `/orders`: what customers have ordered.

pub mod allowance;
pub mod changes;
pub mod draft;
pub mod place;
pub mod placed;
pub mod status;
pub mod stock;

use edge_sdk::sql::{Readable, column};
use edge_sdk::{ArrayPage, Failure, Request, Response, Result, sql};
use serde::Deserialize;

use crate::model::{OrderLine, OrderSummary, ShortDetail};
use edge_sdk::money::Cents;

/// There is no order with the id that was asked for, or it is another's.
pub const NOT_FOUND: Failure = Failure::new(404, "ORD_01", "Don't exist order with this ID.");

/// Orders or lines of a page, unless the client asks for fewer. With the longest
/// texts, a page of lines stays within what a reply may have.
const PAGE: u64 = 500;

/// A page of the orders of a customer, newest first.
pub const OF_CUSTOMER: &str = "SELECT order_id, total_amount, created_on, shipped_on, status, shipping_cost, tax_amount \
     FROM orders WHERE customer_id = ? AND reserved IN (1, 2, 3) ORDER BY order_id DESC LIMIT ? OFFSET ?";

/// An order, by its id and its customer's.
pub const ONE: &str = "SELECT order_id, total_amount, created_on, shipped_on, status, shipping_cost, tax_amount \
     FROM orders WHERE order_id = ? AND customer_id = ? AND reserved IN (1, 2, 3)";

/// A page of the lines of an order, by its id.
pub const LINES: &str = "SELECT item_id, order_id, product_id, attributes, product_name, quantity, unit_cost \
     FROM order_detail WHERE order_id = ? ORDER BY item_id LIMIT ? OFFSET ?";

/// A row of [`ONE`].
#[derive(Deserialize)]
struct Order {
    order_id: i64,
    #[serde(deserialize_with = "column::optional_money")]
    total_amount: Option<Cents>,
    #[serde(deserialize_with = "column::optional_instant")]
    created_on: Option<String>,
    #[serde(deserialize_with = "column::optional_instant")]
    shipped_on: Option<String>,
    #[serde(deserialize_with = "column::optional_integer")]
    status: Option<i64>,
    #[serde(deserialize_with = "column::money_or_zero")]
    shipping_cost: Cents,
    #[serde(deserialize_with = "column::money_or_zero")]
    tax_amount: Cents,
}

impl Order {
    fn grand_total(&self) -> Option<Cents> {
        let total_amount = self.total_amount?;
        Some(grand_total(
            total_amount,
            self.shipping_cost,
            self.tax_amount,
        ))
    }

    fn into_summary(self, name: &str) -> OrderSummary<'_> {
        OrderSummary {
            order_id: self.order_id,
            total_amount: self.total_amount,
            created_on: self.created_on,
            shipped_on: self.shipped_on,
            status: self.status,
            name,
        }
    }
}

/// GET `/orders/{order_id}`.
///
/// # Errors
/// `AUT_01`, `AUT_02`; `DEP_01` for a malformed id, `ORD_01` for an unknown one,
/// `PAG_03` for a malformed page.
pub fn one(request: &Request) -> Result<Response> {
    let order = find(request)?;
    let page = page(request)?;
    let lines = lines(order.order_id, page.limit(), page.offset())?;
    Ok(page.respond(lines)?.no_store())
}

/// GET `/orders/inCustomer`.
///
/// # Errors
/// `AUT_01`, `AUT_02`; `PAG_03` for a malformed page.
pub fn in_customer(request: &Request) -> Result<Response> {
    let customer = request.principal()?;
    let page = page(request)?;
    let orders: Readable<Order> = sql::query(OF_CUSTOMER)
        .bind(customer.id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("orders", "order_id")?;
    let summaries = orders.map(|order| order.into_summary(&customer.name));
    Ok(page.respond(summaries)?.no_store())
}

/// The page of orders or lines that a request asks for.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub(crate) fn page(request: &Request) -> Result<ArrayPage> {
    request.array_page(PAGE, PAGE)
}

/// GET `/orders/shortDetail/{order_id}`.
///
/// # Errors
/// As [`one`].
pub fn short_detail(request: &Request) -> Result<Response> {
    let order = find(request)?;
    Response::private(&ShortDetail {
        shipping_cost: order.shipping_cost,
        tax_amount: order.tax_amount,
        grand_total: order.grand_total(),
        summary: order.into_summary(&request.principal()?.name),
    })
}

/// The order of the path, if it is this customer's.
fn find(request: &Request) -> Result<Order> {
    let customer = request.principal()?;
    let order: Option<Order> = sql::query(ONE)
        .bind(request.id_param("order_id")?)
        .bind(customer.id)
        .readable_first("orders", "order_id")?;
    order.ok_or(NOT_FOUND)
}

/// Some of the lines of an order: at most `limit`, from the one after `offset`.
///
/// # Errors
/// Those of the database.
pub fn lines(order_id: i64, limit: i64, offset: i64) -> Result<Readable<OrderLine>, sql::Error> {
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
    let rows: Readable<Row> = sql::query(LINES)
        .bind(order_id)
        .bind(limit)
        .bind(offset)
        .readable_rows("order_detail", "item_id")?;
    let lines = rows.map(|row| OrderLine {
        order_id: row.order_id,
        product_id: row.product_id,
        attributes: row.attributes,
        product_name: row.product_name,
        quantity: row.quantity,
        unit_cost: row.unit_cost,
        subtotal: subtotal(row.unit_cost, row.quantity),
    });
    Ok(lines)
}

fn subtotal(unit_cost: Option<Cents>, quantity: Option<u32>) -> Option<Cents> {
    Some(unit_cost?.times(quantity?))
}

/// What an order comes to with shipping and tax.
#[must_use]
pub fn grand_total(total_amount: Cents, shipping_cost: Cents, tax_amount: Cents) -> Cents {
    [total_amount, shipping_cost, tax_amount].into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_page_is_within_what_a_reply_may_have() {
        /// As the manifest has it, by default.
        const REPLY: usize = 4 * 1024 * 1024;
        // No character takes more bytes of JSON than one that is escaped.
        let longest = OrderLine {
            order_id: i64::MAX,
            product_id: Some(i64::MAX),
            attributes: "\u{1}".repeat(1000),
            product_name: "\u{1}".repeat(100),
            quantity: Some(u32::MAX),
            unit_cost: Some(Cents(9_999_999_999)),
            subtotal: Some(Cents(u64::MAX)),
        };
        let bytes = serde_json::to_vec(&longest).unwrap().len() + 1;
        assert!(bytes * usize::try_from(PAGE).unwrap() < REPLY);
    }
}
