//! Carts, orders, taxes and shipping of the shop.

pub mod admin;
mod bindings;
pub mod cart;
pub mod catalog;
pub mod idempotency;
pub mod model;
pub mod orders;
pub mod outbox;
mod prune;
pub mod seed;
pub mod service;
pub mod shipping;
pub mod shoppingcart;
pub mod tasks;
pub mod tax;

use edge_sdk::Router;

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);
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
    orders(carts(router))
}

fn orders(router: Router) -> Router {
    router
        .post("/orders", orders::place::create)
        .get("/orders/{order_id}", orders::one)
        .get("/orders/inCustomer", orders::in_customer)
        .get("/orders/shortDetail/{order_id}", orders::short_detail)
        .get("/admin/orders", admin::list)
        .get("/admin/orders/{order_id}", admin::one)
        .put("/admin/orders/{order_id}", admin::update)
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
