//! Ids that clients name: the refusals of those that no row has.

use edge_sdk::{Failure, Result, sql};

/// Refusal of an id that no department has.
pub const UNKNOWN_DEPARTMENT: Failure =
    Failure::new(404, "DEP_02", "Don'exist department with this ID.");

/// Refusal of an id that no category has.
pub const UNKNOWN_CATEGORY: Failure =
    Failure::new(404, "CAT_01", "Don't exist category with this ID.");

/// Refusal of an id that no attribute has.
pub const UNKNOWN_ATTRIBUTE: Failure =
    Failure::new(404, "ATT_01", "Don't exist attribute with this ID.");

/// Refusal of an id that no value of an attribute has.
pub const UNKNOWN_VALUE: Failure =
    Failure::new(404, "ATT_02", "Don't exist attribute value with this ID.");

/// Refusal of an id that no product has.
pub const UNKNOWN_PRODUCT: Failure =
    Failure::new(404, "PRO_01", "Don't exist product with this ID.");

/// Selects 1 if a department has the id.
pub const DEPARTMENT_EXISTS: &str = "SELECT 1 FROM department WHERE department_id = ?";

/// Selects 1 if a category has the id.
pub const CATEGORY_EXISTS: &str = "SELECT 1 FROM category WHERE category_id = ?";

/// Selects 1 if a product has the id.
pub const PRODUCT_EXISTS: &str = "SELECT 1 FROM product WHERE product_id = ?";

/// Refuses an unknown department.
///
/// # Errors
/// `DEP_02`, or those of the database.
pub fn require_department(department_id: i64) -> Result<()> {
    require(DEPARTMENT_EXISTS, department_id, UNKNOWN_DEPARTMENT)
}

/// Refuses an unknown category.
///
/// # Errors
/// `CAT_01`, or those of the database.
pub fn require_category(category_id: i64) -> Result<()> {
    require(CATEGORY_EXISTS, category_id, UNKNOWN_CATEGORY)
}

/// Refuses an unknown product.
///
/// # Errors
/// `PRO_01`, or those of the database.
pub fn require_product(product_id: i64) -> Result<()> {
    require(PRODUCT_EXISTS, product_id, UNKNOWN_PRODUCT)
}

fn require(statement: &str, id: i64, unknown: Failure) -> Result<()> {
    let found: Option<i64> = sql::query(statement).bind(id).fetch_optional()?;
    found.map(|_| ()).ok_or(unknown)
}
