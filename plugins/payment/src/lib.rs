//! Payments of the shop: charges and refunds by Stripe, and its webhooks.
//!
//! A charge is taken in phases, each safe to do again: a durable attempt; the
//! hold on the order; the provider, asked with a key that stays the same; the
//! result, recorded once; and the order, told of it. Whatever is cut off in
//! between is settled by the client's next request, by Stripe's webhooks or by
//! scheduled work, whichever comes first.

pub mod admin;
pub mod attempts;
mod bindings;
mod charges;
mod clients;
mod declines;
mod due;
mod model;
pub mod provider;
mod refunds;
pub mod service;
mod settlement;
pub mod shop;
mod tasks;
pub mod webhooks;

use edge_sdk::Router;
use shop_errors::CODES;

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);

/// Returns every route of payments.
#[must_use]
pub fn router() -> Router {
    let router = Router::new()
        .codes(&CODES)
        .post("/stripe/charge", charges::charge)
        .post("/stripe/webhooks", webhooks::receive);
    admin::routes(router)
}
