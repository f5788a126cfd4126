//! `/admin`: what merchants see of orders, and do with them.

pub mod orders;

use edge_sdk::Router;

/// Adds the routes of merchants to a router.
#[must_use]
pub(crate) fn routes(router: Router) -> Router {
    router
        .get("/admin/orders", orders::list)
        .get("/admin/orders/{order_id}", orders::one)
        .put("/admin/orders/{order_id}", orders::update)
}
