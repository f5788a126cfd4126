//! `/admin`: what merchants see of payments.

pub mod payments;

use edge_sdk::Router;

/// Adds the routes of merchants to a router.
#[must_use]
pub(crate) fn routes(router: Router) -> Router {
    router.get("/admin/payments", payments::list)
}
