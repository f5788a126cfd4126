//! POST `/orders`: from a cart to an order.
//!
//! The order is stored first, once for each generation of the cart; then its
//! stock is taken, and then the cart is emptied. Each part may be done again:
//! a request that was cut off is finished by the next one for the same cart.

use edge_sdk::{Fields, Request, Response, Result};
use serde::{Deserialize, Serialize};

use super::allowance::Allowance;
use super::draft::{Draft, EMPTY, Obstacle};
use super::placed::{self, NotStored, Placed};
use super::stock::{self, Stock};
use crate::cart::{Cart, CartId, id, store};
use crate::catalog::Items;
use crate::idempotency::{self, Claim};
use crate::{shipping, tax};

/// What the body says.
struct Wish {
    cart_id: CartId,
    shipping_id: i64,
    tax_id: i64,
}

impl Wish {
    fn of(fields: &Fields) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body {
            cart_id: String,
            shipping_id: i64,
            tax_id: i64,
        }
        fields.required(&["cart_id", "shipping_id", "tax_id"])?;
        let body: Body = fields.parse()?;
        Ok(Self {
            cart_id: CartId::parse(&body.cart_id)?,
            shipping_id: body.shipping_id,
            tax_id: body.tax_id,
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
    let wish = Wish::of(fields)?;
    let placed = match noted(customer_id, &wish, claim)? {
        Some(placed) => placed,
        None => place(customer_id, &wish, claim)?,
    };
    finish(&placed)?;
    Response::private(&Made {
        order_id: placed.order_id,
    })
}

/// The order that an earlier request with the same key has stored.
fn noted(customer_id: i64, wish: &Wish, claim: Option<&Claim>) -> Result<Option<Placed>> {
    let Some(order_id) = claim.and_then(|claim| claim.order_id) else {
        return Ok(None);
    };
    let placed = placed::by_id(order_id, customer_id, &wish.cart_id)?;
    Ok(placed.filter(|placed| placed.reserved != Stock::Withdrawn))
}

/// Store the order, or find it.
fn place(customer_id: i64, wish: &Wish, claim: Option<&Claim>) -> Result<Placed> {
    let shipping = shipping::find(wish.shipping_id)?;
    let tax = tax::find(wish.tax_id)?;
    let shelf = store::read(wish.cart_id.handle())?;
    let cart = shelf.cart(&wish.cart_id).ok_or(Obstacle::Empty)?;
    let items = items(cart)?;
    let draft = Draft::of(customer_id, cart, &items, &shipping, &tax);
    if let Err(Obstacle::Gone(product_ids)) = &draft {
        drop_products(&wish.cart_id, product_ids)?;
    }
    let again = || found(customer_id, &wish.cart_id, cart.generation, claim);
    match placed::store(&draft?, Allowance::configured()?, claim) {
        Ok(placed) => Ok(placed),
        Err(NotStored::Taken) => again()?.ok_or_else(|| EMPTY.field("cart_id")),
        // What is held too much may be this very order.
        Err(NotStored::Exceeded(exceeded)) => again()?.ok_or_else(|| exceeded.into()),
        Err(NotStored::Overtaken | NotStored::FirstOrder) => Err(idempotency::in_flight()),
        Err(NotStored::Sql(error)) => Err(error.into()),
    }
}

fn items(cart: &Cart) -> Result<Items> {
    let mut items = Items::default();
    items.learn(cart.active().map(|item| item.product_id))?;
    Ok(items)
}

fn drop_products(cart_id: &CartId, product_ids: &[i64]) -> Result<()> {
    store::change(cart_id.handle(), |shelf| {
        shelf.drop_products(cart_id, product_ids);
        Ok(())
    })
}

/// The order that this generation of the cart has already, if it is this
/// customer's.
fn found(
    customer_id: i64,
    cart_id: &CartId,
    generation: i64,
    claim: Option<&Claim>,
) -> Result<Option<Placed>> {
    let placed = placed::of_cart(cart_id, generation)?;
    let own = placed.filter(|placed| placed.customer_id == customer_id);
    let Some(placed) = own else {
        return Ok(None);
    };
    match claim {
        Some(claim) if !claim.note_alone(placed.order_id)? => Err(idempotency::in_flight()),
        _ => Ok(Some(placed)),
    }
}

/// What is left to do for an order that is stored.
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
    store::change_if(cart_id.handle(), |shelf| {
        let settled = shelf.settle(&cart_id, generation, &ordered, next_generation);
        Ok(settled.then_some(()))
    })?;
    Ok(())
}
