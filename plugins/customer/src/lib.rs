//! The customers of the shop: registration, login, profile, address and card.

pub mod accounts;
mod bindings;
pub mod facebook;
mod failures;
mod limits;
pub mod login;
pub mod lookup;
mod model;
pub mod password_reset;
pub mod profile;
pub mod registration;
mod rules;
pub mod service;
pub mod session;
mod stored;
mod tasks;

use edge_sdk::Router;
use shop_errors::CODES;

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);
edge_sdk::export_accounts!(accounts::add, accounts::change);

/// Returns every route of the customers.
#[must_use]
pub fn router() -> Router {
    Router::new()
        .codes(&CODES)
        .post("/customers", registration::register)
        .post("/customers/login", login::login)
        .post("/customers/facebook", facebook::login)
        .post("/customers/password/forgot", password_reset::forgot)
        .post("/customers/password/reset", password_reset::reset)
        .get("/customer", profile::show)
        .put("/customer", profile::update)
        .put("/customers/address", profile::address::update)
        .put("/customer/address", profile::address::update)
        .put("/customers/creditCard", profile::cards::update)
        .put("/customer/creditCard", profile::cards::update)
}
