//! `/categories`: what a department divides into.

use edge_sdk::sql::Readable;
use edge_sdk::{Listing, Order, Request, Response, Result, sql};

use crate::ids::{UNKNOWN_CATEGORY, require_department, require_product};
use crate::model::{Category, ProductCategory};
use crate::pages;

/// Counts all categories.
pub const COUNT: &str = "SELECT COUNT(*) FROM category";

/// Selects a page of all categories: the first made first.
pub const BY_ID: &str = "SELECT category_id, name, description, department_id FROM category \
     ORDER BY category_id LIMIT ? OFFSET ?";

/// Selects a page of all categories: the last made first.
pub const BY_ID_DESCENDING: &str = "SELECT category_id, name, description, department_id FROM category \
     ORDER BY category_id DESC LIMIT ? OFFSET ?";

/// Selects a page of all categories by name, without regard to case.
pub const BY_NAME: &str = "SELECT category_id, name, description, department_id FROM category \
     ORDER BY LOWER(name), category_id LIMIT ? OFFSET ?";

/// Selects a page of all categories by name, without regard to case, from the end.
pub const BY_NAME_DESCENDING: &str = "SELECT category_id, name, description, department_id FROM category \
     ORDER BY LOWER(name) DESC, category_id LIMIT ? OFFSET ?";

/// Selects one category, by id.
pub const ONE: &str =
    "SELECT category_id, name, description, department_id FROM category WHERE category_id = ?";

/// Selects a page of the categories of a department, by its id.
pub const IN_DEPARTMENT: &str = "SELECT c.category_id, c.name, c.description, c.department_id \
     FROM department d JOIN category c ON c.department_id = d.department_id \
     WHERE d.department_id = ? ORDER BY c.category_id LIMIT ? OFFSET ?";

/// Selects a page of the categories of a product, by its id.
pub const IN_PRODUCT: &str = "SELECT c.category_id, c.department_id, c.name \
     FROM product p JOIN product_category pc ON pc.product_id = p.product_id \
     JOIN category c ON c.category_id = pc.category_id \
     WHERE p.product_id = ? ORDER BY c.category_id LIMIT ? OFFSET ?";

/// GET `/categories`.
///
/// # Errors
/// `PAG_01`, `PAG_02` and `PAG_03` for a malformed order or page.
pub fn list(request: &Request) -> Result<Response> {
    let order = request.order_by(&["category_id", "name"])?;
    let page = request.page()?;
    let rows: Readable<Category> = sql::query(ordered(order))
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("category", "category_id")?;
    let count = sql::query(COUNT).fetch_one()?;
    let rows = rows.into_vec();
    let response = Response::json(&Listing { count, rows })?;
    Ok(page.link(request, count, response))
}

fn ordered(order: Option<Order>) -> &'static str {
    match order {
        Some(Order {
            field: "name",
            descending: false,
        }) => BY_NAME,
        Some(Order {
            field: "name",
            descending: true,
        }) => BY_NAME_DESCENDING,
        Some(Order {
            descending: true, ..
        }) => BY_ID_DESCENDING,
        _ => BY_ID,
    }
}

/// GET `/categories/{category_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `CAT_01` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    let id = request.id_param("category_id")?;
    let category: Option<Category> = sql::query(ONE)
        .bind(id)
        .readable_first("category", "category_id")?;
    Response::json(&category.ok_or(UNKNOWN_CATEGORY)?)
}

/// GET `/categories/inDepartment/{department_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `DEP_02` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_department(request: &Request) -> Result<Response> {
    let id = request.id_param("department_id")?;
    let page = pages::described(request)?;
    let categories: Readable<Category> = sql::query(IN_DEPARTMENT)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("category", "category_id")?;
    if categories.is_empty() {
        require_department(id)?;
    }
    page.respond(categories)
}

/// GET `/categories/inProduct/{product_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_product(request: &Request) -> Result<Response> {
    let id = request.id_param("product_id")?;
    let page = pages::named(request)?;
    let categories: Readable<ProductCategory> = sql::query(IN_PRODUCT)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("category", "category_id")?;
    if categories.is_empty() {
        require_product(id)?;
    }
    page.respond(categories)
}
