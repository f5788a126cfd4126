//! The customers of the shop: registration, login, profile, address and card.

pub mod accounts;
pub mod address;
mod bindings;
pub mod cards;
pub mod contacts;
pub mod facebook;
pub mod failures;
pub mod limits;
pub mod login;
pub mod model;
pub mod names;
pub mod profile;
pub mod registration;
pub mod rules;
pub mod session;

use edge_sdk::Router;

edge_sdk::export!(router);
edge_sdk::export_accounts!(accounts::add, accounts::change);

/// Every route of the customers.
#[must_use]
pub fn router() -> Router {
    Router::new()
        .post("/customers", registration::register)
        .post("/customers/login", login::login)
        .post("/customers/facebook", facebook::login)
        .get("/customer", profile::show)
        .put("/customer", profile::update)
        .put("/customers/address", address::update)
        .put("/customer/address", address::update)
        .put("/customers/creditCard", cards::update)
        .put("/customer/creditCard", cards::update)
}
