//! Carts as clients see them: what is in them, at what the catalog asks now.
//! A product that is no longer sold is not shown.

use edge_sdk::{Failure, Result};
use serde::Serialize;

use super::entry::{Cart, Item};
use super::id::Handle;
use super::item_id::ItemIds;
use crate::clients::catalog::Items;
use edge_sdk::money::Cents;

const NO_ID: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

/// An item that is ordered next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveItem {
    pub item_id: u64,
    /// The product's name.
    pub name: String,
    /// Choices of the customer.
    pub attributes: String,
    pub product_id: i64,
    /// File name of the product's picture.
    pub image: Option<String>,
    /// The price of one, now.
    pub price: Cents,
    /// Pieces.
    pub quantity: u32,
    /// The price of all.
    pub subtotal: Cents,
}

/// An item that is kept for later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedItem {
    pub item_id: u64,
    /// The product's name.
    pub name: String,
    /// Choices of the customer.
    pub attributes: String,
    /// The price of one, now.
    pub price: Cents,
}

/// The sum of a cart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The price of all that is ordered next.
    pub total_amount: Cents,
}

/// Returns the active items of a cart with this handle.
///
/// # Errors
/// 503 while the catalog is not available.
pub fn active(
    cart: &Cart,
    handle: Handle,
    ids: &ItemIds,
    items: &mut Items,
) -> Result<Vec<ActiveItem>> {
    items.load(cart.active().map(|item| item.product_id))?;
    let shown = cart.active().filter_map(|item| {
        let product = items.get(item.product_id)?;
        Some(id(ids, handle, item).map(|item_id| ActiveItem {
            item_id,
            name: product.name.clone(),
            attributes: item.attributes.clone(),
            product_id: item.product_id,
            image: product.image.clone(),
            price: Cents(product.price),
            quantity: item.quantity,
            subtotal: Cents(product.price).times(item.quantity),
        }))
    });
    shown.collect()
}

/// Returns the saved items of a cart with this handle.
///
/// # Errors
/// As [`active`].
pub fn saved(
    cart: &Cart,
    handle: Handle,
    ids: &ItemIds,
    items: &mut Items,
) -> Result<Vec<SavedItem>> {
    items.load(cart.saved().map(|item| item.product_id))?;
    let shown = cart.saved().filter_map(|item| {
        let product = items.get(item.product_id)?;
        Some(id(ids, handle, item).map(|item_id| SavedItem {
            item_id,
            name: product.name.clone(),
            attributes: item.attributes.clone(),
            price: Cents(product.price),
        }))
    });
    shown.collect()
}

/// Returns what the active items of a cart cost.
///
/// # Errors
/// As [`active`].
pub fn total(cart: &Cart, items: &mut Items) -> Result<Total> {
    items.load(cart.active().map(|item| item.product_id))?;
    let prices = cart.active().filter_map(|item| {
        let product = items.get(item.product_id)?;
        Some(Cents(product.price).times(item.quantity))
    });
    Ok(Total {
        total_amount: prices.sum(),
    })
}

fn id(ids: &ItemIds, handle: Handle, item: &Item) -> Result<u64> {
    ids.encode(handle, item.line).ok_or(NO_ID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::entry::CartEntry;
    use crate::cart::id::CartId;

    fn product(product_id: i64, price: u64) -> crate::clients::catalog::Item {
        crate::clients::catalog::Item {
            product_id,
            name: format!("Product {product_id}"),
            image: None,
            price,
            stock: None,
        }
    }

    /// Two of product 1, one of 2, one of 3 saved for later, one of 4 that is gone.
    fn cart() -> (Cart, Handle) {
        let id = CartId::parse(&"a".repeat(20)).unwrap();
        let mut entry = CartEntry::default();
        for product_id in [1, 1, 2, 3, 4] {
            entry.add(&id, product_id, "L", 1).unwrap();
        }
        entry.set_saved(2, true).unwrap();
        (entry.cart(&id).unwrap().clone(), id.handle())
    }

    fn catalog() -> Items {
        let known = [product(1, 1490), product(2, 5), product(3, 999)];
        let mut items: Items = known.into_iter().collect();
        items.forget(4);
        items
    }

    #[test]
    fn what_is_active_is_shown_with_its_price() {
        let (cart, handle) = cart();
        let ids = ItemIds::new(&"7a".repeat(32), None).unwrap();
        let shown = active(&cart, handle, &ids, &mut catalog()).unwrap();
        let amounts: Vec<_> = shown
            .iter()
            .map(|item| {
                (
                    item.product_id,
                    item.price.0,
                    item.quantity,
                    item.subtotal.0,
                )
            })
            .collect();
        assert_eq!(amounts, [(1, 1490, 2, 2980), (2, 5, 1, 5)]);
        assert_eq!(ids.decode(shown[1].item_id).next(), Some((handle, 1)));
    }

    #[test]
    fn what_is_saved_is_shown_apart() {
        let (cart, handle) = cart();
        let ids = ItemIds::new(&"7a".repeat(32), None).unwrap();
        let shown = saved(&cart, handle, &ids, &mut catalog()).unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(
            (shown[0].name.as_str(), shown[0].price),
            ("Product 3", Cents(999))
        );
        assert_eq!(ids.decode(shown[0].item_id).next(), Some((handle, 2)));
    }

    #[test]
    fn the_total_is_of_what_is_active_and_sold() {
        let (cart, _) = cart();
        let total = total(&cart, &mut catalog()).unwrap();
        assert_eq!(total.total_amount, Cents(2985));
    }
}
