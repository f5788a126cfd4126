//! Orders that were just made: storing them, and finding them again after a
//! request that was cut off.

use edge_sdk::sql::{self, Query, Transaction};
use serde::Deserialize;

use super::allowance::{Allowance, Exceeded, Turn};
use super::draft::{Draft, DraftLine};
use super::reserved::Stock;
use super::stock;
use crate::cart::{CartId, Ordered};
use crate::idempotency::Claim;
use crate::model::CURRENCY;

/// Inserts an order of this instant: customer, cart and generation, stock and
/// counted pieces, amounts.
pub const ADD: &str = "INSERT INTO orders (customer_id, created_on, status, cart_id, cart_generation, reserved, \
     counted_pieces, total_amount, shipping_id, shipping_cost, tax_id, tax_amount, currency) \
     VALUES (?, {now}, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Selects the order of a cart's generation.
pub const BY_CART: &str = "SELECT order_id, customer_id, cart_id, cart_generation, reserved FROM orders \
     WHERE cart_id = ? AND cart_generation = ?";

/// Selects an order that was made here, by its id, its customer and the id of
/// its cart. The cart's id is what tells it from an order that an older shop,
/// or somebody else, wrote under the same id: such an order may have a
/// `cart_id` of its own.
pub const BY_ID: &str = "SELECT order_id, customer_id, cart_id, cart_generation, reserved FROM orders \
     WHERE order_id = ? AND customer_id = ? AND cart_id = ?";

/// Selects the items that an order was made of, by its id.
pub const ORDERED: &str =
    "SELECT product_id, attributes, quantity FROM order_detail WHERE order_id = ? ORDER BY item_id";

/// Lines that one statement inserts: the most that fit, then fewer, so that
/// there are few statements of few texts.
pub const SHAPES: [usize; 3] = [16, 4, 1];

/// An order that was made here.
#[derive(Clone, Debug, Deserialize)]
pub struct Placed {
    /// Id of the order.
    pub order_id: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// The cart it was made from.
    pub cart_id: String,
    /// Generation of the cart at that time; none once the order no longer
    /// stands for it.
    pub cart_generation: Option<i64>,
    /// State of the order's stock.
    pub reserved: Stock,
}

/// Why an order was not stored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// This generation of the cart has an order.
    #[error("the cart was ordered already")]
    AlreadyOrdered,
    /// The customer's unpaid orders would hold too much.
    #[error(transparent)]
    Exceeded(Exceeded),
    /// The customer never had a turn to order.
    #[error("the customer orders for the first time")]
    NoTurn,
    /// Another request has taken over the work on this idempotency key.
    #[error("another request works on it")]
    ClaimLost,
    /// The database failed.
    #[error(transparent)]
    Sql(sql::Error),
}

impl From<sql::Error> for StoreError {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Conflict(_) => Self::AlreadyOrdered,
            other => Self::Sql(other),
        }
    }
}

/// Stores an order with its lines, if the customer may have one more, and note
/// it under the idempotency key: all of it or nothing.
///
/// # Errors
/// Why nothing is stored.
pub fn store(
    draft: &Draft,
    allowance: Allowance,
    claim: Option<&Claim>,
) -> Result<Placed, StoreError> {
    match try_store(draft, allowance, claim) {
        Err(StoreError::NoTurn) => {
            Turn::begin(draft.customer_id).map_err(StoreError::Sql)?;
            try_store(draft, allowance, claim)
        }
        done => done,
    }
}

fn try_store(
    draft: &Draft,
    allowance: Allowance,
    claim: Option<&Claim>,
) -> Result<Placed, StoreError> {
    let reserved = match draft.counted_pieces {
        0 => Stock::None,
        _ => Stock::Asked,
    };
    let order_id = sql::transaction(|transaction| {
        let turn = Turn::take(transaction, draft.customer_id)?.ok_or(StoreError::NoTurn)?;
        let checked = turn.check(transaction, allowance, draft.counted_pieces)?;
        checked.map_err(StoreError::Exceeded)?;
        let order_id = add(transaction, draft, reserved)?;
        add_lines(transaction, order_id, &draft.lines)?;
        match claim {
            Some(claim) if !claim.note(transaction, order_id)? => Err(StoreError::ClaimLost),
            _ => Ok(order_id),
        }
    })?;
    if reserved == Stock::None {
        stock::count_placed();
    }
    Ok(Placed {
        order_id,
        customer_id: draft.customer_id,
        cart_id: draft.cart_id.clone(),
        cart_generation: Some(draft.generation),
        reserved,
    })
}

fn add(transaction: &Transaction, draft: &Draft, reserved: Stock) -> Result<i64, sql::Error> {
    let outcome = transaction
        .query(ADD)
        .bind(draft.customer_id)
        .bind(draft.cart_id.as_str())
        .bind(draft.generation)
        .bind(reserved)
        .bind(i64::try_from(draft.counted_pieces).unwrap_or(i64::MAX))
        .bind(draft.total_amount)
        .bind(draft.shipping_id)
        .bind(draft.shipping_cost)
        .bind(draft.tax_id)
        .bind(draft.tax_amount)
        .bind(CURRENCY)
        .execute()?;
    i64::try_from(outcome.last_insert_id)
        .map_err(|_| sql::Error::Decode("an order's id is past the range".to_owned()))
}

fn add_lines(
    transaction: &Transaction,
    order_id: i64,
    lines: &[DraftLine],
) -> Result<(), sql::Error> {
    let mut rest = lines;
    for shape in SHAPES {
        let text = add_lines_text(shape);
        let pieces = rest.chunks_exact(shape);
        rest = pieces.remainder();
        for lines in pieces {
            let query = lines.iter().fold(transaction.query(&text), |query, line| {
                bind_line(query, order_id, line)
            });
            query.execute()?;
        }
    }
    Ok(())
}

/// Returns the statement that inserts a number of lines of an order: order,
/// product, choice, name, pieces, price.
#[must_use]
pub fn add_lines_text(lines: usize) -> String {
    format!(
        "INSERT INTO order_detail (order_id, product_id, attributes, product_name, quantity, unit_cost) VALUES {}",
        vec!["(?, ?, ?, ?, ?, ?)"; lines].join(", ")
    )
}

fn bind_line<'a>(query: Query<'a>, order_id: i64, line: &DraftLine) -> Query<'a> {
    query
        .bind(order_id)
        .bind(line.product_id)
        .bind(line.attributes.as_str())
        .bind(line.product_name.as_str())
        .bind(line.quantity)
        .bind(line.unit_cost)
}

/// Returns the order that was made of a cart's generation.
///
/// # Errors
/// Those of the database.
pub fn find_by_cart(cart_id: &CartId, generation: i64) -> Result<Option<Placed>, sql::Error> {
    sql::query(BY_CART)
        .bind(cart_id.as_str())
        .bind(generation)
        .fetch_optional()
}

/// Returns the order with this id that a customer made from a cart.
///
/// # Errors
/// Those of the database.
pub fn find_by_id(
    order_id: i64,
    customer_id: i64,
    cart_id: &CartId,
) -> Result<Option<Placed>, sql::Error> {
    let found: Option<Placed> = sql::query(BY_ID)
        .bind(order_id)
        .bind(customer_id)
        .bind(cart_id.as_str())
        .fetch_optional()?;
    // A collation may take letters of either case for the same.
    Ok(found.filter(|placed| placed.cart_id == cart_id.as_str()))
}

/// Returns what was ordered.
///
/// # Errors
/// Those of the database.
pub fn ordered(order_id: i64) -> Result<Vec<Ordered>, sql::Error> {
    sql::query(ORDERED).bind(order_id).fetch_all()
}
