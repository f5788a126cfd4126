//! `/shoppingcart`: carts, for anybody who knows their ids.

pub mod entry;
pub mod id;
pub mod item_id;
pub mod store;
pub mod view;

use edge_sdk::{Failure, Request, Response, Result, rate_limit};
use serde::{Deserialize, Serialize};
use shop_errors::CODES;

pub use entry::{Cart, CartEntry, Ordered, Refusal};
pub use id::{CartId, Handle};
pub use item_id::ItemIds;

use entry::{MAX_LINES, MAX_QUANTITY};
use view::{ActiveItem, Total};

use crate::clients::catalog::{Items, not_sold};

/// The policy of the manifest that bounds what one client's additions store,
/// in KiB.
const GROWTH: &str = "cart-growth";

/// Longest attributes, in characters: as long as the column of an order's lines.
const MAX_ATTRIBUTE_CHARS: usize = 1000;

/// Refusal of an id that no item has.
pub const NO_ITEM: Failure = Failure::new(404, "SHP_02", "Don't exist item with this ID.");

const BAD_QUANTITY: Failure =
    Failure::malformed("The quantity is not a whole number from 0 to 999.");
const TOO_MANY: Failure = Failure::new(400, "SHP_05", "There are too many of this item.");

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoItem => NO_ITEM.field("item_id"),
            Refusal::Full => {
                store::FULL.with_message(format!("A cart has at most {MAX_LINES} items."))
            }
            Refusal::TooMany => {
                TOO_MANY.with_message(format!("There can be at most {MAX_QUANTITY} of an item."))
            }
        }
    }
}

/// GET `/shoppingcart/generateUniqueId`.
///
/// # Errors
/// 500 if there is no randomness.
pub fn generate_unique_id(_: &Request) -> Result<Response> {
    #[derive(Serialize)]
    struct Made<'a> {
        cart_id: &'a str,
    }
    let cart_id = CartId::generate()?;
    Response::json_no_store(&Made {
        cart_id: cart_id.as_str(),
    })
}

/// Body of POST `/shoppingcart/add`.
#[derive(Deserialize)]
struct Addition {
    cart_id: String,
    product_id: i64,
    attributes: String,
}

/// POST `/shoppingcart/add`.
///
/// # Errors
/// `USR_02`, `USR_07`, `SHP_01`, `PRO_01`, `PRO_03`; `SHP_04` and `SHP_05` for
/// too much, 429 for too much in too short a time.
pub fn add(request: &Request) -> Result<Response> {
    let addition = addition(request)?;
    let cart_id = CartId::parse(&addition.cart_id)?;
    count_growth(request, &addition)?;
    let handle = cart_id.handle();
    let generation = id::generation()?;
    let ids = ItemIds::configured()?;
    let mut items = Items::default();
    let active = store::change(handle, |entry| {
        let product_id = addition.product_id;
        items.load(products(entry.cart(&cart_id)).chain([product_id]))?;
        if items.get(product_id).is_none() {
            return Err(not_sold(product_id).field("product_id"));
        }
        entry.add(&cart_id, product_id, &addition.attributes, generation)?;
        shown(entry.cart(&cart_id), handle, ids, &mut items)
    })?;
    Response::json_no_store(&active)
}

/// Counts the most that an addition can store against the client's address:
/// carts are anybody's to make, and kept for long.
fn count_growth(request: &Request, addition: &Addition) -> Result<()> {
    let verdict = rate_limit::take(GROWTH, &request.client_network(), addition.size())?;
    if verdict.allowed {
        Ok(())
    } else {
        Err(rate_limit::too_many(&verdict))
    }
}

impl Addition {
    /// Returns what this may add to a store, in KiB, rounded up.
    fn size(&self) -> u32 {
        /// A new cart with a line, without the line's text.
        const REST: usize = 512;
        let text = serde_json::to_vec(&self.attributes).map_or(usize::MAX, |text| text.len());
        let size = text.saturating_add(REST).div_ceil(1024);
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}

fn addition(request: &Request) -> Result<Addition> {
    let fields = request.fields()?;
    fields.required(&["cart_id", "product_id", "attributes"])?;
    let addition: Addition = fields.parse()?;
    if addition.attributes.chars().count() > MAX_ATTRIBUTE_CHARS {
        return Err(CODES.too_long("attributes"));
    }
    Ok(addition)
}

/// GET `/shoppingcart/{cart_id}`.
///
/// # Errors
/// `SHP_01` for a malformed id.
pub fn one(request: &Request) -> Result<Response> {
    let cart_id = cart_id(request)?;
    let handle = cart_id.handle();
    let entry = store::read(handle)?;
    let ids = ItemIds::configured()?;
    Response::json_no_store(&shown(
        entry.cart(&cart_id),
        handle,
        ids,
        &mut Items::default(),
    )?)
}

/// PUT `/shoppingcart/update/{item_id}`.
///
/// # Errors
/// `USR_02`, `DEP_01` for a malformed id, `SHP_02` for an unknown one,
/// `HTTP_400` for a quantity out of range.
pub fn update(request: &Request) -> Result<Response> {
    let (handle, cart) = at_item(request, |handle, line| {
        let quantity = quantity(request)?;
        let cart = store::change(handle, |entry| {
            let cart_id = entry.cart_of(line).ok_or(Refusal::NoItem)?.cart_id.clone();
            entry.set_quantity(line, quantity)?;
            Ok(entry.cart(&CartId::parse(&cart_id)?).cloned())
        })?;
        Ok((handle, cart))
    })?;
    let ids = ItemIds::configured()?;
    Response::json_no_store(&shown(cart.as_ref(), handle, ids, &mut Items::default())?)
}

fn quantity(request: &Request) -> Result<u32> {
    #[derive(Deserialize)]
    struct Update {
        quantity: u32,
    }
    let fields = request.fields()?;
    fields.required(&["quantity"])?;
    let bad = |_| BAD_QUANTITY.field("quantity");
    let Update { quantity } = fields.parse().map_err(bad)?;
    if quantity > MAX_QUANTITY {
        return Err(BAD_QUANTITY.field("quantity"));
    }
    Ok(quantity)
}

/// DELETE `/shoppingcart/empty/{cart_id}`.
///
/// # Errors
/// `SHP_01` for a malformed id.
pub fn empty(request: &Request) -> Result<Response> {
    let cart_id = cart_id(request)?;
    store::change_if(cart_id.handle(), |entry| {
        Ok(entry.empty(&cart_id).then_some(()))
    })?;
    Response::json_no_store(&[] as &[ActiveItem])
}

/// GET `/shoppingcart/saveForLater/{item_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `SHP_02` for an unknown one.
pub fn save_for_later(request: &Request) -> Result<Response> {
    change_item(request, |entry, line| entry.set_saved(line, true))
}

/// GET `/shoppingcart/moveToCart/{item_id}`.
///
/// # Errors
/// As [`save_for_later`].
pub fn move_to_cart(request: &Request) -> Result<Response> {
    change_item(request, |entry, line| entry.set_saved(line, false))
}

/// DELETE `/shoppingcart/removeProduct/{item_id}`.
///
/// # Errors
/// As [`save_for_later`].
pub fn remove_product(request: &Request) -> Result<Response> {
    change_item(request, |entry, line| entry.set_quantity(line, 0))
}

fn change_item(
    request: &Request,
    change: impl Fn(&mut CartEntry, u16) -> Result<(), Refusal>,
) -> Result<Response> {
    at_item(request, |handle, line| {
        store::change(handle, |entry| Ok(change(entry, line)?))
    })?;
    Ok(Response::empty_object().header("cache-control", "no-store"))
}

/// GET `/shoppingcart/getSaved/{cart_id}`.
///
/// # Errors
/// `SHP_01` for a malformed id.
pub fn saved(request: &Request) -> Result<Response> {
    let cart_id = cart_id(request)?;
    let handle = cart_id.handle();
    let entry = store::read(handle)?;
    let ids = ItemIds::configured()?;
    let saved = entry
        .cart(&cart_id)
        .map(|cart| view::saved(cart, handle, ids, &mut Items::default()));
    Response::json_no_store(&saved.transpose()?.unwrap_or_default())
}

/// GET `/shoppingcart/totalAmount/{cart_id}`.
///
/// # Errors
/// `SHP_01` for a malformed id.
pub fn total_amount(request: &Request) -> Result<Response> {
    let cart_id = cart_id(request)?;
    let entry = store::read(cart_id.handle())?;
    let total = match entry.cart(&cart_id) {
        Some(cart) => view::total(cart, &mut Items::default())?,
        None => Total::default(),
    };
    Response::json_no_store(&total)
}

fn cart_id(request: &Request) -> Result<CartId> {
    CartId::parse(request.param("cart_id")?)
}

/// Changes the item of the path. While the shop's secret is changed, there are
/// several places where it may be, and only one where there is an item.
fn at_item<T>(request: &Request, mut change: impl FnMut(Handle, u16) -> Result<T>) -> Result<T> {
    let id = request.id_param("item_id")?.unsigned_abs();
    let absent = Failure::from(Refusal::NoItem);
    for (handle, line) in ItemIds::configured()?.decode(id) {
        match change(handle, line) {
            Err(failure) if failure == absent => {}
            changed => return changed,
        }
    }
    Err(absent)
}

/// Returns the products of a cart's active items.
fn products(cart: Option<&Cart>) -> impl Iterator<Item = i64> {
    let items = cart.into_iter().flat_map(Cart::active);
    items.map(|item| item.product_id)
}

/// Returns the active items of a cart, none of one that is not there.
fn shown(
    cart: Option<&Cart>,
    handle: Handle,
    ids: &ItemIds,
    items: &mut Items,
) -> Result<Vec<ActiveItem>> {
    let shown = cart.map(|cart| view::active(cart, handle, ids, items));
    Ok(shown.transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use crate::router;

    fn refusal(request: testing::Request) -> (u16, String, Option<String>) {
        let failure = router().dispatch(request).unwrap_err();
        (failure.status, failure.code, failure.field)
    }

    fn post(body: &str) -> testing::Request {
        testing::post("/shoppingcart/add", "application/json", body)
    }

    #[test]
    fn a_new_id_is_well_formed_and_never_cached() {
        let made = router().dispatch(testing::get("/shoppingcart/generateUniqueId"));
        let made = made.unwrap();
        let no_store = ("cache-control".to_owned(), "no-store".to_owned());
        assert!(made.headers.contains(&no_store));
        let body: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
        assert_eq!(body["cart_id"].as_str().map(str::len), Some(32));
    }

    #[test]
    fn malformed_cart_ids_never_reach_the_store() {
        let paths = [
            "/shoppingcart/x",
            "/shoppingcart/aaaaaaaaaaaaaaaaaaa%0A",
            "/shoppingcart/carts:aaaaaaaaaaaaaaaaaaaa",
            "/shoppingcart/getSaved/*",
            "/shoppingcart/totalAmount/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        for path in paths {
            let (status, code, _) = refusal(testing::get(path));
            assert_eq!((status, code.as_str()), (404, "SHP_01"), "{path}");
        }
        let empty = testing::request("DELETE", "/shoppingcart/empty/x");
        assert_eq!(refusal(empty).1, "SHP_01");
        let add = post(r#"{"cart_id": "x", "product_id": 1, "attributes": "L"}"#);
        assert_eq!(refusal(add).1, "SHP_01");
    }

    #[test]
    fn an_addition_names_what_it_lacks() {
        let (status, code, field) = refusal(post(r#"{"product_id": 1, "attributes": " "}"#));
        assert_eq!((status, code.as_str()), (400, "USR_02"));
        assert_eq!(field.as_deref(), Some("cart_id,attributes"));
        let (status, code, field) = refusal(post(
            r#"{"cart_id": "x", "product_id": "1.5", "attributes": "L"}"#,
        ));
        assert_eq!((status, code.as_str()), (400, "HTTP_400"));
        assert_eq!(field.as_deref(), Some("product_id"));
    }

    #[test]
    fn attributes_have_a_length() {
        let long = "👕".repeat(1001);
        let body = format!(r#"{{"cart_id": "x", "product_id": 1, "attributes": "{long}"}}"#);
        let (status, code, field) = refusal(post(&body));
        assert_eq!((status, code.as_str()), (400, "USR_07"));
        assert_eq!(field.as_deref(), Some("attributes"));
        let most = "👕".repeat(1000);
        let body = format!(r#"{{"cart_id": "x", "product_id": 1, "attributes": "{most}"}}"#);
        assert_eq!(refusal(post(&body)).1, "SHP_01");
    }

    #[test]
    fn an_addition_counts_by_what_it_stores() {
        let size = |attributes: String| {
            let (cart_id, product_id) = (String::new(), 1);
            super::Addition {
                cart_id,
                product_id,
                attributes,
            }
            .size()
        };
        assert_eq!(size("L".to_owned()), 1);
        assert_eq!(size("👕".repeat(1000)), 5);
        // Control characters are stored as six bytes each.
        assert_eq!(size("\u{1}".repeat(1000)), 7);
    }

    #[test]
    fn malformed_item_ids_are_refused() {
        for id in ["0", "-1", "x", "1.5", "9223372036854775808"] {
            for action in ["saveForLater", "moveToCart"] {
                let path = format!("/shoppingcart/{action}/{id}");
                assert_eq!(refusal(testing::get(&path)).1, "DEP_01", "{path}");
            }
            let path = format!("/shoppingcart/removeProduct/{id}");
            assert_eq!(refusal(testing::request("DELETE", &path)).1, "DEP_01");
        }
    }
}
