//! An order before it is stored: what a cart comes to right now.

use edge_sdk::Failure;

use crate::cart::Cart;
use crate::clients::catalog::{Items, Line};
use crate::model::{Shipping, Tax};
use edge_sdk::money::Cents;

/// Refusal of a cart with nothing to order.
pub const EMPTY: Failure = Failure::new(400, "ORD_02", "The cart is empty.");
/// Refusal of a cart with a product that is no longer sold.
pub const GONE: Failure = Failure::new(
    409,
    "ORD_04",
    "A product is no longer sold, and was taken out of the cart.",
);
const TOO_MUCH: Failure = Failure::new(400, "ORD_05", "The order is too large.");

/// The most that the database's columns hold.
const MAX_AMOUNT: Cents = Cents(9_999_999_999);

/// An order that could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Whose it is.
    pub customer_id: i64,
    /// The cart it is made from.
    pub cart_id: String,
    /// Generation of the cart at that time.
    pub generation: i64,
    /// Way of shipping.
    pub shipping_id: i64,
    /// Price of shipping.
    pub shipping_cost: Cents,
    pub tax_id: i64,
    /// Tax on the goods.
    pub tax_amount: Cents,
    /// Price of the goods.
    pub total_amount: Cents,
    /// Pieces of products whose stock is counted.
    pub counted_pieces: u64,
    /// The goods.
    pub lines: Vec<DraftLine>,
}

/// So many pieces of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftLine {
    pub product_id: i64,
    /// Choices of the customer.
    pub attributes: String,
    /// The product's name.
    pub product_name: String,
    /// Pieces.
    pub quantity: u32,
    /// The price of one.
    pub unit_cost: Cents,
}

/// Why no order can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// There is nothing to order.
    #[error("the cart is empty")]
    EmptyCart,
    /// These products are no longer sold.
    #[error("products are gone: {0:?}")]
    ProductsGone(Vec<i64>),
    /// The amount is more than the database holds.
    #[error("the amount is too large")]
    AmountTooLarge,
}

impl From<DraftError> for Failure {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::EmptyCart => EMPTY.field("cart_id"),
            DraftError::ProductsGone(_) => GONE.field("cart_id"),
            DraftError::AmountTooLarge => TOO_MUCH.field("cart_id"),
        }
    }
}

impl Draft {
    /// Computes the order of a cart's active items, at these prices.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn from_cart(
        customer_id: i64,
        cart: &Cart,
        items: &Items,
        shipping: &Shipping,
        tax: &Tax,
    ) -> Result<Self, DraftError> {
        let lines = lines(cart, items)?;
        let total_amount = total(&lines);
        let tax_amount = total_amount.share(tax.tax_percentage);
        if total_amount.max(tax_amount) > MAX_AMOUNT {
            return Err(DraftError::AmountTooLarge);
        }
        Ok(Self {
            customer_id,
            cart_id: cart.cart_id.clone(),
            generation: cart.generation,
            shipping_id: shipping.shipping_id,
            shipping_cost: shipping.shipping_cost,
            tax_id: tax.tax_id,
            tax_amount,
            total_amount,
            counted_pieces: counted_pieces(&lines, items),
            lines,
        })
    }
}

/// Characters of a product's name that a line keeps: the products of a shop that
/// was taken over may have longer ones.
const MAX_NAME_CHARS: usize = 100;

fn lines(cart: &Cart, items: &Items) -> Result<Vec<DraftLine>, DraftError> {
    let mut lines = Vec::new();
    let mut gone = Vec::new();
    for item in cart.active() {
        match items.get(item.product_id) {
            Some(product) => lines.push(DraftLine {
                product_id: item.product_id,
                attributes: item.attributes.clone(),
                product_name: product.name.chars().take(MAX_NAME_CHARS).collect(),
                quantity: item.quantity,
                unit_cost: Cents(product.price),
            }),
            None => gone.push(item.product_id),
        }
    }
    match (lines.is_empty(), gone.is_empty()) {
        (_, false) => Err(DraftError::ProductsGone(gone)),
        (true, true) => Err(DraftError::EmptyCart),
        (false, true) => Ok(lines),
    }
}

fn total(lines: &[DraftLine]) -> Cents {
    let subtotals = lines.iter().map(|line| line.unit_cost.times(line.quantity));
    subtotals.sum()
}

fn counted_pieces(lines: &[DraftLine], items: &Items) -> u64 {
    let is_counted = |line: &&DraftLine| {
        let product = items.get(line.product_id);
        product.is_some_and(|product| product.stock.is_some())
    };
    let counted = lines.iter().filter(is_counted);
    counted.map(|line| u64::from(line.quantity)).sum()
}

/// Returns what to take out of stock: each product once, by its id, so that two
/// orders never wait for each other.
#[must_use]
pub fn stock_lines(pieces: impl IntoIterator<Item = (i64, u32)>) -> Vec<Line> {
    let mut sums = std::collections::BTreeMap::<i64, u32>::new();
    for (product_id, quantity) in pieces {
        let sum = sums.entry(product_id).or_default();
        *sum = sum.saturating_add(quantity);
    }
    let lines = sums.into_iter().map(|(product_id, quantity)| Line {
        product_id,
        quantity,
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
