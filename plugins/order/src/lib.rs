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

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);
edge_sdk::export_seed!(seed::step);

/// Returns every route of carts, orders, taxes and shipping.
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
    let router = cart::routes(router);
    let router = orders::routes(router);
    admin::routes(router)
}
