//! `/orders`: what customers have ordered.

pub mod changes;
pub mod draft;
pub mod place;
pub mod placed;
pub mod status;
pub mod stock;

use edge_sdk::{Failure, Request, Response, Result, sql};
use serde::Deserialize;

use crate::model::{OrderLine, OrderSummary, ShortDetail};
use edge_sdk::money::Cents;

/// There is no order with the id that was asked for, or it is another's.
pub const NOT_FOUND: Failure = Failure::new(404, "ORD_01", "Don't exist order with this ID.");

/// The orders of a customer, newest first.
pub const OF_CUSTOMER: &str = "SELECT order_id, total_amount, created_on, shipped_on, status, shipping_cost, tax_amount \
     FROM orders WHERE customer_id = ? AND reserved IN (1, 2, 3) ORDER BY order_id DESC LIMIT 1000";

/// An order, by its id and its customer's.
pub const ONE: &str = "SELECT order_id, total_amount, created_on, shipped_on, status, shipping_cost, tax_amount \
     FROM orders WHERE order_id = ? AND customer_id = ? AND reserved IN (1, 2, 3)";

/// The lines of an order, by its id.
pub const LINES: &str = "SELECT order_id, product_id, attributes, product_name, quantity, unit_cost \
     FROM order_detail WHERE order_id = ? ORDER BY item_id";

/// A row of [`ONE`].
#[derive(Deserialize)]
struct Order {
    order_id: i64,
    total_amount: Cents,
    created_on: String,
    shipped_on: Option<String>,
    status: i64,
    shipping_cost: Cents,
    tax_amount: Cents,
}

impl Order {
    fn grand_total(&self) -> Cents {
        grand_total(self.total_amount, self.shipping_cost, self.tax_amount)
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
/// `AUT_01`, `AUT_02`; `DEP_01` for a malformed id, `ORD_01` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    let order = find(request)?;
    Response::private(&lines(order.order_id)?)
}

/// GET `/orders/inCustomer`.
///
/// # Errors
/// `AUT_01`, `AUT_02`.
pub fn in_customer(request: &Request) -> Result<Response> {
    let customer = request.principal()?;
    let orders: Vec<Order> = sql::query(OF_CUSTOMER).bind(customer.id).rows()?;
    let summaries = orders
        .into_iter()
        .map(|order| order.into_summary(&customer.name));
    Response::private(&summaries.collect::<Vec<_>>())
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
        .first()?;
    order.ok_or(NOT_FOUND)
}

/// The lines of an order.
///
/// # Errors
/// Those of the database.
pub fn lines(order_id: i64) -> Result<Vec<OrderLine>, sql::Error> {
    #[derive(Deserialize)]
    struct Row {
        order_id: i64,
        product_id: i64,
        attributes: String,
        product_name: String,
        quantity: u32,
        unit_cost: Cents,
    }
    let rows: Vec<Row> = sql::query(LINES).bind(order_id).rows()?;
    let lines = rows.into_iter().map(|row| OrderLine {
        order_id: row.order_id,
        product_id: row.product_id,
        attributes: row.attributes,
        product_name: row.product_name,
        quantity: row.quantity,
        unit_cost: row.unit_cost,
        subtotal: row.unit_cost.times(row.quantity),
    });
    Ok(lines.collect())
}

/// What an order comes to with shipping and tax.
#[must_use]
pub fn grand_total(total_amount: Cents, shipping_cost: Cents, tax_amount: Cents) -> Cents {
    [total_amount, shipping_cost, tax_amount].into_iter().sum()
}
