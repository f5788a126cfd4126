//! Carts, orders, taxes and shipping of the shop.

mod bindings;
pub mod cart;
pub mod catalog;
pub mod model;
pub mod money;
pub mod seed;
pub mod shipping;
pub mod shoppingcart;
pub mod tax;

use edge_sdk::{Response, Result, Router};
use serde::Serialize;

edge_sdk::export!(router);
edge_sdk::export_seed!(seed::step);

/// Every route of the service.
#[must_use]
pub fn router() -> Router {
    let router = Router::new()
        .get("/tax", tax::list)
        .get("/tax/{tax_id}", tax::one)
        .get("/shipping/regions", shipping::regions)
        .get(
            "/shipping/regions/{shipping_region_id}",
            shipping::in_region,
        );
    carts(router)
}

fn carts(router: Router) -> Router {
    router
        .get(
            "/shoppingcart/generateUniqueId",
            shoppingcart::generate_unique_id,
        )
        .post("/shoppingcart/add", shoppingcart::add)
        .get("/shoppingcart/{cart_id}", shoppingcart::one)
        .put("/shoppingcart/update/{item_id}", shoppingcart::update)
        .delete("/shoppingcart/empty/{cart_id}", shoppingcart::empty)
        .get(
            "/shoppingcart/saveForLater/{item_id}",
            shoppingcart::save_for_later,
        )
        .get(
            "/shoppingcart/moveToCart/{item_id}",
            shoppingcart::move_to_cart,
        )
        .get("/shoppingcart/getSaved/{cart_id}", shoppingcart::saved)
        .get(
            "/shoppingcart/totalAmount/{cart_id}",
            shoppingcart::total_amount,
        )
        .delete(
            "/shoppingcart/removeProduct/{item_id}",
            shoppingcart::remove_product,
        )
}

/// A 200 with this JSON that no cache on the way keeps.
fn private<T: Serialize + ?Sized>(value: &T) -> Result<Response> {
    Ok(Response::json(value)?.header("cache-control", "no-store"))
}
