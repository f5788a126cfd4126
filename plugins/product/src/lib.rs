//! The catalog of the shop: departments, categories, attributes, products with
//! their stock and reviews, and the search over them.

pub mod admin;
pub mod attributes;
mod bindings;
pub mod categories;
mod clients;
pub mod departments;
pub mod ids;
mod input;
pub mod model;
mod money;
mod pages;
pub mod products;
pub mod reservations;
pub mod reviews;
pub mod search;
pub mod seed;
pub mod service;
mod statement;
mod tasks;

use edge_sdk::Router;
use shop_errors::CODES;

edge_sdk::export!(router);
edge_sdk::export_schedule!(tasks::run);
edge_sdk::export_seed!(seed::step);

/// Returns every route of the catalog.
#[must_use]
pub fn router() -> Router {
    admin::routes(public_routes())
}

/// Returns the routes of everybody.
fn public_routes() -> Router {
    Router::new()
        .codes(&CODES)
        .get("/departments", departments::list)
        .get("/departments/{department_id}", departments::one)
        .get("/categories", categories::list)
        .get("/categories/{category_id}", categories::one)
        .get("/categories/inProduct/{product_id}", categories::in_product)
        .get(
            "/categories/inDepartment/{department_id}",
            categories::in_department,
        )
        .get("/attributes", attributes::list)
        .get("/attributes/{attribute_id}", attributes::one)
        .get("/attributes/values/{attribute_id}", attributes::values)
        .get("/attributes/inProduct/{product_id}", attributes::in_product)
        .get("/products", products::list)
        .get("/products/search", search::search)
        .get("/products/inCategory/{category_id}", products::in_category)
        .get(
            "/products/inDepartment/{department_id}",
            products::in_department,
        )
        .get("/products/{product_id}", products::one)
        .get("/products/{product_id}/details", products::details)
        .get("/products/{product_id}/locations", products::locations)
        .get("/products/{product_id}/reviews", reviews::in_product)
        .post("/products/{product_id}/reviews", reviews::add)
}
