//! POST `/orders`: from a cart to an order.
//!
//! The order is stored first, once for each generation of the cart; then its
//! stock is taken, and then the cart is emptied. Each part may be done again:
//! a request that was cut off is finished by the next one for the same cart.

use edge_sdk::{Failure, Fields, Request, Response, Result};
use serde::{Deserialize, Serialize};

use super::allowance::Allowance;
use super::draft::{Draft, DraftError, EMPTY};
use super::placed::{self, Placed, StoreError};
use super::reserved::Stock;
use super::stock;
use crate::cart::{Cart, CartId, id, store};
use crate::clients::catalog::Items;
use crate::idempotency::{self, Claim};
use crate::{shipping, tax};

/// A customer's request to order, with the claim of its idempotency key.
struct OrderRequest<'a> {
    customer_id: i64,
    cart_id: CartId,
    shipping_id: i64,
    tax_id: i64,
    claim: Option<&'a Claim>,
}

impl<'a> OrderRequest<'a> {
    fn read(customer_id: i64, fields: &Fields, claim: Option<&'a Claim>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body {
            cart_id: String,
            shipping_id: i64,
            tax_id: i64,
        }
        fields.required(&["cart_id", "shipping_id", "tax_id"])?;
        let body: Body = fields.parse()?;
        Ok(Self {
            customer_id,
            cart_id: CartId::parse(&body.cart_id)?,
            shipping_id: body.shipping_id,
            tax_id: body.tax_id,
            claim,
        })
    }
}

/// POST `/orders`.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `USR_02`, `SHP_01`, `TAX_01`, `SHP_03`; `ORD_02` for an
/// empty cart, `ORD_03` for what is out of stock, `ORD_04` for what is no
/// longer sold, `ORD_05` for too much at once, `ORD_09` for too much that is
/// unpaid; those of idempotency keys.
pub fn create(request: &Request) -> Result<Response> {
    let customer_id = request.principal()?.id;
    let key = idempotency::key(request)?;
    let fields = request.fields()?;
    match key {
        Some(key) => idempotency::once(customer_id, &key, &fields, |claim| {
            answer(customer_id, &fields, Some(claim))
        }),
        None => answer(customer_id, &fields, None),
    }
}

fn answer(customer_id: i64, fields: &Fields, claim: Option<&Claim>) -> Result<Response> {
    #[derive(Serialize)]
    struct Made {
        #[serde(rename = "orderId")]
        order_id: i64,
    }
    let order = OrderRequest::read(customer_id, fields, claim)?;
    let placed = match find_claimed(&order)? {
        Some(placed) => placed,
        None => place(&order)?,
    };
    finish(&placed)?;
    Response::json_no_store(&Made {
        order_id: placed.order_id,
    })
}

/// Returns the order that an earlier request with the same key has stored.
fn find_claimed(order: &OrderRequest<'_>) -> Result<Option<Placed>> {
    let Some(order_id) = order.claim.and_then(|claim| claim.order_id) else {
        return Ok(None);
    };
    let placed = placed::find_by_id(order_id, order.customer_id, &order.cart_id)?;
    Ok(placed.filter(|placed| placed.reserved != Stock::Withdrawn))
}

/// Stores the order, or finds it.
fn place(order: &OrderRequest<'_>) -> Result<Placed> {
    let draft = draft(order)?;
    match placed::store(&draft, Allowance::configured()?, order.claim) {
        Ok(placed) => Ok(placed),
        Err(StoreError::AlreadyOrdered) => {
            find_by_cart(order, draft.generation, || EMPTY.field("cart_id"))
        }
        // What is held too much may be this very order.
        Err(StoreError::Exceeded(exceeded)) => {
            find_by_cart(order, draft.generation, || exceeded.into())
        }
        Err(StoreError::ClaimLost | StoreError::NoTurn) => Err(idempotency::in_flight()),
        Err(StoreError::Sql(error)) => Err(error.into()),
    }
}

/// Computes the order from the cart. Products that are no longer sold are taken
/// out of the cart.
fn draft(order: &OrderRequest<'_>) -> Result<Draft> {
    let shipping = shipping::find(order.shipping_id)?;
    let tax = tax::find(order.tax_id)?;
    let entry = store::read(order.cart_id.handle())?;
    let cart = entry.cart(&order.cart_id).ok_or(DraftError::EmptyCart)?;
    let items = items(cart)?;
    let draft = Draft::from_cart(order.customer_id, cart, &items, &shipping, &tax);
    if let Err(DraftError::ProductsGone(product_ids)) = &draft {
        drop_products(&order.cart_id, product_ids)?;
    }
    Ok(draft?)
}

fn items(cart: &Cart) -> Result<Items> {
    let mut items = Items::default();
    items.load(cart.active().map(|item| item.product_id))?;
    Ok(items)
}

fn drop_products(cart_id: &CartId, product_ids: &[i64]) -> Result<()> {
    store::change(cart_id.handle(), |entry| {
        entry.drop_products(cart_id, product_ids);
        Ok(())
    })
}

/// Returns the order that this generation of the cart has already, and notes it
/// under the idempotency key.
///
/// # Errors
/// The refusal if there is none, or it is not this customer's; that of a key
/// which another request has taken over.
fn find_by_cart(
    order: &OrderRequest<'_>,
    generation: i64,
    refusal: impl FnOnce() -> Failure,
) -> Result<Placed> {
    let placed = placed::find_by_cart(&order.cart_id, generation)?;
    let own = placed.filter(|placed| placed.customer_id == order.customer_id);
    let placed = own.ok_or_else(refusal)?;
    match order.claim {
        Some(claim) if !claim.note_alone(placed.order_id)? => Err(idempotency::in_flight()),
        _ => Ok(placed),
    }
}

/// Does what is left to do for an order that is stored.
fn finish(placed: &Placed) -> Result<()> {
    let ordered = placed::ordered(placed.order_id)?;
    if placed.reserved == Stock::Asked {
        stock::take(placed.order_id, &ordered)?;
    }
    let Some(generation) = placed.cart_generation else {
        return Ok(());
    };
    let cart_id = CartId::parse(&placed.cart_id)?;
    let next_generation = id::generation()?;
    store::change_if(cart_id.handle(), |entry| {
        let settled = entry.settle(&cart_id, generation, &ordered, next_generation);
        Ok(settled.then_some(()))
    })?;
    Ok(())
}
