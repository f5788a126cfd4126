//! `/admin/products/{product_id}/...`: in which categories a product is, and
//! which values of attributes it offers.

use edge_sdk::{Failure, Request, Response, Result, sql};

use super::rows::Reference;
use super::{categories, merchant, products, values};
use crate::ids::{UNKNOWN_CATEGORY, UNKNOWN_PRODUCT, UNKNOWN_VALUE};

/// Puts a product, by its id, into a category, by its id.
pub const ADD_CATEGORY: &str =
    "INSERT INTO product_category (product_id, category_id) VALUES (?, ?)";

/// Takes a product, by its id, out of a category, by its id.
pub const REMOVE_CATEGORY: &str =
    "DELETE FROM product_category WHERE product_id = ? AND category_id = ?";

/// Lets a product, by its id, offer a value, by its id.
pub const ADD_VALUE: &str =
    "INSERT INTO product_attribute (product_id, attribute_value_id) VALUES (?, ?)";

/// No longer let a product, by its id, offer a value, by its id.
pub const REMOVE_VALUE: &str =
    "DELETE FROM product_attribute WHERE product_id = ? AND attribute_value_id = ?";

/// A row that a product can be assigned to.
struct Target {
    /// Path parameter with the id of the row.
    parameter: &'static str,
    row: Reference,
}

const PRODUCT: Reference = Reference {
    hold: products::HOLD,
    unknown: UNKNOWN_PRODUCT,
};

const CATEGORY: Target = Target {
    parameter: "category_id",
    row: Reference {
        hold: categories::HOLD,
        unknown: UNKNOWN_CATEGORY,
    },
};

const VALUE: Target = Target {
    parameter: "attribute_value_id",
    row: Reference {
        hold: values::HOLD,
        unknown: UNKNOWN_VALUE,
    },
};

/// PUT `/admin/products/{product_id}/categories/{category_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `PRO_01` for an
/// unknown product, `CAT_01` for an unknown category.
pub fn add_category(request: &Request) -> Result<Response> {
    assign(request, CATEGORY, ADD_CATEGORY)
}

/// DELETE `/admin/products/{product_id}/categories/{category_id}`.
///
/// # Errors
/// As [`add_category`].
pub fn remove_category(request: &Request) -> Result<Response> {
    assign(request, CATEGORY, REMOVE_CATEGORY)
}

/// PUT `/admin/products/{product_id}/attributes/{attribute_value_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `PRO_01` for an
/// unknown product, `ATT_02` for an unknown value.
pub fn add_value(request: &Request) -> Result<Response> {
    assign(request, VALUE, ADD_VALUE)
}

/// DELETE `/admin/products/{product_id}/attributes/{attribute_value_id}`.
///
/// # Errors
/// As [`add_value`].
pub fn remove_value(request: &Request) -> Result<Response> {
    assign(request, VALUE, REMOVE_VALUE)
}

/// Makes or undoes an assignment. What is so already stays so.
fn assign(request: &Request, target: Target, statement: &str) -> Result<Response> {
    merchant::require(request)?;
    let product = request.id_param("product_id")?;
    let other = request.id_param(target.parameter)?;
    sql::transaction(|transaction| {
        PRODUCT.hold(transaction, product)?;
        target.row.hold(transaction, other)?;
        match transaction
            .query(statement)
            .bind(product)
            .bind(other)
            .execute()
        {
            Ok(_) | Err(sql::Error::Conflict(_)) => Ok(()),
            Err(error) => Err(Failure::from(error)),
        }
    })?;
    Ok(Response::empty_object())
}
