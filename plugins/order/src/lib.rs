//! Carts, orders, taxes and shipping of the shop.

pub mod admin;
mod bindings;
mod cart;
mod clients;
pub mod idempotency;
mod model;
pub mod orders;
pub mod outbox;
mod prune;
pub mod seed;
pub mod service;
pub mod shipping;
pub mod tasks;
pub mod tax;

use edge_sdk::Router;
use shop_errors::CODES;

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);
edge_sdk::export_seed!(seed::step);

/// Returns every route of carts, orders, taxes and shipping.
#[must_use]
pub fn router() -> Router {
    let router = cart_routes(Router::new().codes(&CODES));
    let router = order_routes(router);
    admin::routes(router)
}

fn cart_routes(router: Router) -> Router {
    router
        .get("/shoppingcart/generateUniqueId", cart::generate_unique_id)
        .post("/shoppingcart/add", cart::add)
        .get("/shoppingcart/{cart_id}", cart::one)
        .put("/shoppingcart/update/{item_id}", cart::update)
        .delete("/shoppingcart/empty/{cart_id}", cart::empty)
        .get("/shoppingcart/saveForLater/{item_id}", cart::save_for_later)
        .get("/shoppingcart/moveToCart/{item_id}", cart::move_to_cart)
        .get("/shoppingcart/getSaved/{cart_id}", cart::saved)
        .get("/shoppingcart/totalAmount/{cart_id}", cart::total_amount)
        .delete(
            "/shoppingcart/removeProduct/{item_id}",
            cart::remove_product,
        )
}

fn order_routes(router: Router) -> Router {
    router
        .get("/tax", tax::list)
        .get("/tax/{tax_id}", tax::one)
        .get("/shipping/regions", shipping::regions)
        .get(
            "/shipping/regions/{shipping_region_id}",
            shipping::in_region,
        )
        .post("/orders", orders::place::create)
        .get("/orders/{order_id}", orders::one)
        .get("/orders/inCustomer", orders::in_customer)
        .get("/orders/shortDetail/{order_id}", orders::short_detail)
}
