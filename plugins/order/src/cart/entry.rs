//! The rules of carts. An entry is what the store keeps under one key: the
//! carts with one handle, which is nearly always one.

use edge_sdk::sql::column;
use serde::{Deserialize, Serialize};

use super::id::CartId;
use super::item_id::LINES;

/// Lines of a cart, those saved for later included.
pub const MAX_LINES: usize = 100;
/// Pieces of one line.
pub const MAX_QUANTITY: u32 = 999;

/// A rule that forbids a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No cart of the entry has this line.
    #[error("there is no such item")]
    NoItem,
    /// The cart has as many lines as it may.
    #[error("the cart is full")]
    Full,
    /// The line has as many pieces as it may.
    #[error("there are too many of an item")]
    TooMany,
}

/// The carts with one handle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartEntry {
    /// Where the search for a free line number begins: a number that was given
    /// up is the last to be taken again.
    next: u16,
    carts: Vec<Cart>,
}

/// A cart with at least one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Id of the cart, as the client knows it.
    pub cart_id: String,
    /// Names what is ordered next: chosen at random with the first item, and
    /// anew when the cart is ordered.
    pub generation: i64,
    /// Items of the cart, in the order in which they were added.
    pub items: Vec<Item>,
}

/// A line of a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Number of the line, unique within the entry.
    pub line: u16,
    /// Id of the product to buy.
    pub product_id: i64,
    /// Choices of the customer, such as a size.
    pub attributes: String,
    /// Pieces, 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
    /// True for a line that is kept for later, and not ordered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub saved: bool,
}

/// A number of pieces of something that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Ordered {
    /// Id of the product that was ordered.
    #[serde(deserialize_with = "column::integer")]
    pub product_id: i64,
    /// Choices of the customer.
    #[serde(deserialize_with = "column::text")]
    pub attributes: String,
    /// Pieces.
    #[serde(deserialize_with = "column::integer")]
    pub quantity: u32,
}

impl Item {
    fn is_choice(&self, product_id: i64, attributes: &str) -> bool {
        self.product_id == product_id && self.attributes == attributes
    }
}

impl Cart {
    /// Returns the items that are ordered next.
    pub fn active(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.saved)
    }

    /// Returns the items that are kept for later.
    pub fn saved(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.saved)
    }

    /// Adds one more piece, of a line that is there or of a new one with the `free`
    /// number. Returns the number if it was taken.
    fn add(
        &mut self,
        product_id: i64,
        attributes: &str,
        free: Option<u16>,
    ) -> Result<Option<u16>, Refusal> {
        let same = |item: &&mut Item| !item.saved && item.is_choice(product_id, attributes);
        if let Some(item) = self.items.iter_mut().find(same) {
            if item.quantity >= MAX_QUANTITY {
                return Err(Refusal::TooMany);
            }
            item.quantity += 1;
            return Ok(None);
        }
        let has_room = self.items.len() < MAX_LINES;
        let line = free.filter(|_| has_room).ok_or(Refusal::Full)?;
        self.items.push(Item {
            line,
            product_id,
            attributes: attributes.to_owned(),
            quantity: 1,
            saved: false,
        });
        Ok(Some(line))
    }

    /// Takes out as many pieces as were ordered of something, and no more.
    fn take(&mut self, ordered: &Ordered) {
        let mut left = ordered.quantity;
        for item in &mut self.items {
            if !item.saved && item.is_choice(ordered.product_id, &ordered.attributes) {
                let taken = item.quantity.min(left);
                item.quantity -= taken;
                left -= taken;
            }
        }
    }
}

impl CartEntry {
    /// Returns the cart with this id, if it has items.
    #[must_use]
    pub fn cart(&self, cart_id: &CartId) -> Option<&Cart> {
        self.carts
            .iter()
            .find(|cart| cart.cart_id == cart_id.as_str())
    }

    /// Returns the cart that has this line.
    #[must_use]
    pub fn cart_of(&self, line: u16) -> Option<&Cart> {
        let has_line = |cart: &&Cart| cart.items.iter().any(|item| item.line == line);
        self.carts.iter().find(has_line)
    }

    /// Adds one more piece of a product. What is saved for later stays apart.
    /// A new cart gets this generation.
    ///
    /// # Errors
    /// [`Refusal::Full`] and [`Refusal::TooMany`].
    pub fn add(
        &mut self,
        cart_id: &CartId,
        product_id: i64,
        attributes: &str,
        generation: i64,
    ) -> Result<(), Refusal> {
        let free = self.free_line();
        let mut cart = self.take_out(cart_id).unwrap_or_else(|| Cart {
            cart_id: cart_id.as_str().to_owned(),
            generation,
            items: Vec::new(),
        });
        let added = cart.add(product_id, attributes, free);
        self.carts.push(cart);
        self.drop_empty();
        if let Some(line) = added? {
            self.next = (line + 1) % LINES;
        }
        Ok(())
    }

    /// Sets the number of pieces of a line; 0 removes it.
    ///
    /// # Errors
    /// [`Refusal::NoItem`] and [`Refusal::TooMany`].
    pub fn set_quantity(&mut self, line: u16, quantity: u32) -> Result<(), Refusal> {
        if quantity > MAX_QUANTITY {
            return Err(Refusal::TooMany);
        }
        self.item(line)?.quantity = quantity;
        self.drop_empty();
        Ok(())
    }

    /// Sets whether a line is kept for later.
    ///
    /// # Errors
    /// [`Refusal::NoItem`].
    pub fn set_saved(&mut self, line: u16, saved: bool) -> Result<(), Refusal> {
        self.item(line)?.saved = saved;
        Ok(())
    }

    /// Takes everything out of a cart. Returns whether there was anything.
    pub fn empty(&mut self, cart_id: &CartId) -> bool {
        self.take_out(cart_id).is_some()
    }

    /// Takes all lines of these products out of a cart.
    pub fn drop_products(&mut self, cart_id: &CartId, product_ids: &[i64]) {
        if let Some(cart) = self.cart_mut(cart_id) {
            cart.items
                .retain(|item| item.saved || !product_ids.contains(&item.product_id));
        }
        self.drop_empty();
    }

    /// Takes out what was ordered of a generation of a cart, and begins the next
    /// one. What was added since, and what is kept for later, stays. Returns
    /// whether there was anything to do.
    pub fn settle(
        &mut self,
        cart_id: &CartId,
        generation: i64,
        ordered: &[Ordered],
        next_generation: i64,
    ) -> bool {
        let cart = self.cart_mut(cart_id);
        let Some(cart) = cart.filter(|cart| cart.generation == generation) else {
            return false;
        };
        ordered.iter().for_each(|item| cart.take(item));
        cart.generation = next_generation;
        self.drop_empty();
        true
    }

    fn cart_mut(&mut self, cart_id: &CartId) -> Option<&mut Cart> {
        self.carts
            .iter_mut()
            .find(|cart| cart.cart_id == cart_id.as_str())
    }

    fn take_out(&mut self, cart_id: &CartId) -> Option<Cart> {
        let is_it = |cart: &Cart| cart.cart_id == cart_id.as_str();
        let position = self.carts.iter().position(is_it)?;
        Some(self.carts.swap_remove(position))
    }

    fn item(&mut self, line: u16) -> Result<&mut Item, Refusal> {
        let mut items = self.carts.iter_mut().flat_map(|cart| &mut cart.items);
        items.find(|item| item.line == line).ok_or(Refusal::NoItem)
    }

    /// Returns the number that was given up longest ago, or never taken.
    fn free_line(&self) -> Option<u16> {
        let mut numbers = (self.next..LINES).chain(0..self.next);
        numbers.find(|&line| self.cart_of(line).is_none())
    }

    /// Drops carts without items, and items without pieces.
    fn drop_empty(&mut self) {
        for cart in &mut self.carts {
            cart.items.retain(|item| item.quantity > 0);
        }
        self.carts.retain(|cart| !cart.items.is_empty());
    }
}

#[cfg(test)]
mod tests;
