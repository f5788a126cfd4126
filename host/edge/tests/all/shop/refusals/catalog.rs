//! Refusals of the catalog, and of tokens on any route.

use serde_json::{Value, json};

use super::words::*;
use super::{Case, Group};
use crate::shop::Shop;

/// What nobody finds.
pub fn reading(shop: &Shop) -> Group<'_> {
    let cases = vec![
        Case::get("/departments/x", BAD_ID.of("department_id")),
        Case::get("/departments/999999", NO_DEPARTMENT),
        Case::get("/categories?order=name", BAD_ORDER),
        Case::get("/categories?order=price,ASC", BAD_FIELD),
        Case::get("/categories/999999", NO_CATEGORY),
        Case::get("/attributes/999999", NO_ATTRIBUTE),
        Case::get("/products?page=0", BAD_PAGE.of("page")),
        Case::get("/products?limit=101", BAD_PAGE.of("limit")),
        Case::get("/products/999999", NO_PRODUCT),
        Case::get("/products/search", MISSING.of("query_string")),
        Case::get("/tax/0", BAD_ID.of("tax_id")),
        Case::get("/tax/999999", NO_TAX),
        Case::get("/shipping/regions/-1", BAD_ID.of("shipping_region_id")),
        Case::get("/shipping/regions/999999", NO_SHIPPING),
    ];
    (shop.guest(), cases)
}

/// Reviews that are none.
pub async fn reviewing(shop: &Shop) -> Group<'_> {
    const LONG: &str = "this is too long review.";
    let review = |review: &str, rating: Value| json!({ "review": review, "rating": rating });
    let path = "/products/1/reviews";
    let cases = vec![
        Case::post(path, json!({}), MISSING.of("review,rating")),
        Case::post(path, review(" ", json!(5)), MISSING.of("review")),
        Case::post(path, review("Fits.", json!(0)), BAD_RATING),
        Case::post(path, review("Fits.", json!(6)), BAD_RATING),
        Case::post(path, review("Fits.", json!(4.5)), BAD_RATING),
        Case::post(
            path,
            review(&"x".repeat(4001), json!(5)),
            too_long("review", LONG),
        ),
        Case::post(
            "/products/0/reviews",
            review("Fits.", json!(5)),
            BAD_ID.of("product_id"),
        ),
        Case::post(
            "/products/999999/reviews",
            review("Fits.", json!(5)),
            NO_PRODUCT,
        ),
    ];
    (shop.customer().await, cases)
}

/// Who is not known, or not as a merchant.
pub async fn tokens(shop: &Shop) -> Group<'_> {
    let customer = shop.customer().await;
    let cases = vec![
        Case::get("/admin/orders", FORBIDDEN),
        Case::get("/customer", BAD_TOKEN).with("authorization", "Bearer x.y.z"),
    ];
    (customer, cases)
}
