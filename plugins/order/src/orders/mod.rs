//! `/orders`: what customers have ordered.

pub mod allowance;
pub mod changes;
mod draft;
pub mod lines;
pub(crate) mod place;
pub mod placed;
pub(crate) mod reserved;
pub(crate) mod status;
pub mod stock;

use edge_sdk::sql::{Readable, column};
use edge_sdk::{ArrayPage, Failure, Request, Response, Result, sql};
use serde::Deserialize;

use self::reserved::reserved;
use crate::model::{OrderSummary, ShortDetail};
use edge_sdk::money::Cents;

/// Refusal of an id that no order has, or that of another customer's.
pub const NOT_FOUND: Failure = Failure::new(404, "ORD_01", "Don't exist order with this ID.");

/// Orders or lines of a page, unless the client asks for fewer. With the longest
/// texts, a page of lines stays within what a reply may have.
const MAX_PAGE_ROWS: u64 = 500;

macro_rules! select {
    ($($condition:tt)*) => {
        concat!(
            "SELECT order_id, total_amount, created_on, shipped_on, status, shipping_cost, tax_amount \
             FROM orders WHERE ",
            $($condition)*
        )
    };
}

/// Selects a page of the orders of a customer, newest first.
pub const BY_CUSTOMER: &str = select!(
    "customer_id = ? AND ",
    reserved!(visible),
    " ORDER BY order_id DESC LIMIT ? OFFSET ?"
);

/// Selects an order, by its id and its customer's.
pub const ONE: &str = select!("order_id = ? AND customer_id = ? AND ", reserved!(visible));

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
    let lines = lines::read(order.order_id, page.limit(), page.offset())?;
    Ok(page.respond(lines)?.no_store())
}

/// GET `/orders/inCustomer`.
///
/// # Errors
/// `AUT_01`, `AUT_02`; `PAG_03` for a malformed page.
pub fn in_customer(request: &Request) -> Result<Response> {
    let customer = request.principal()?;
    let page = page(request)?;
    let orders: Readable<Order> = sql::query(BY_CUSTOMER)
        .bind(customer.id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("orders", "order_id")?;
    let summaries = orders.map(|order| order.into_summary(&customer.name));
    Ok(page.respond(summaries)?.no_store())
}

/// Returns the page of orders or lines that a request asks for.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub(crate) fn page(request: &Request) -> Result<ArrayPage> {
    request.array_page(MAX_PAGE_ROWS, MAX_PAGE_ROWS)
}

/// GET `/orders/shortDetail/{order_id}`.
///
/// # Errors
/// As [`one`].
pub fn short_detail(request: &Request) -> Result<Response> {
    let order = find(request)?;
    Response::json_no_store(&ShortDetail {
        shipping_cost: order.shipping_cost,
        tax_amount: order.tax_amount,
        grand_total: order.grand_total(),
        summary: order.into_summary(&request.principal()?.name),
    })
}

/// Returns the order of the path, if it is this customer's.
fn find(request: &Request) -> Result<Order> {
    let customer = request.principal()?;
    let order: Option<Order> = sql::query(ONE)
        .bind(request.id_param("order_id")?)
        .bind(customer.id)
        .readable_first("orders", "order_id")?;
    order.ok_or(NOT_FOUND)
}

/// Returns what an order comes to with shipping and tax.
#[must_use]
pub fn grand_total(total_amount: Cents, shipping_cost: Cents, tax_amount: Cents) -> Cents {
    [total_amount, shipping_cost, tax_amount].into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrderLine;

    #[test]
    fn the_longest_page_is_within_what_a_reply_may_have() {
        /// Limit on a reply, in bytes, by the manifest's default.
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
        assert!(bytes * usize::try_from(MAX_PAGE_ROWS).unwrap() < REPLY);
    }
}
