//! `/attributes`: what customers choose about a product, and the choices.

use edge_sdk::sql::Readable;
use edge_sdk::{Request, Response, Result, sql};

use crate::ids::{UNKNOWN_ATTRIBUTE, require_product};
use crate::model::{Attribute, AttributeValue, ProductAttribute};
use crate::pages;

/// Selects a page of all attributes.
pub const ALL: &str =
    "SELECT attribute_id, name FROM attribute ORDER BY attribute_id LIMIT ? OFFSET ?";

/// Selects one attribute, by id.
pub const ONE: &str = "SELECT attribute_id, name FROM attribute WHERE attribute_id = ?";

/// Selects a page of the values of an attribute, by its id.
pub const VALUES: &str = "SELECT v.attribute_value_id, v.value \
     FROM attribute a JOIN attribute_value v ON v.attribute_id = a.attribute_id \
     WHERE a.attribute_id = ? ORDER BY v.attribute_value_id LIMIT ? OFFSET ?";

/// Selects a page of the values that a product offers, by its id.
pub const IN_PRODUCT: &str = "SELECT a.name AS attribute_name, v.attribute_value_id, v.value AS attribute_value \
     FROM product p JOIN product_attribute pa ON pa.product_id = p.product_id \
     JOIN attribute_value v ON v.attribute_value_id = pa.attribute_value_id \
     JOIN attribute a ON a.attribute_id = v.attribute_id \
     WHERE p.product_id = ? ORDER BY a.attribute_id, v.attribute_value_id LIMIT ? OFFSET ?";

/// GET `/attributes`.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub fn list(request: &Request) -> Result<Response> {
    let page = pages::named(request)?;
    let attributes: Readable<Attribute> = sql::query(ALL)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("attribute", "attribute_id")?;
    page.respond(attributes)
}

/// GET `/attributes/{attribute_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `ATT_01` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    Response::json(&find(request.id_param("attribute_id")?)?)
}

/// GET `/attributes/values/{attribute_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `ATT_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn values(request: &Request) -> Result<Response> {
    let id = request.id_param("attribute_id")?;
    let page = pages::named(request)?;
    let values: Readable<AttributeValue> = sql::query(VALUES)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("attribute_value", "attribute_value_id")?;
    if values.is_empty() {
        find(id)?;
    }
    page.respond(values)
}

/// GET `/attributes/inProduct/{product_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_product(request: &Request) -> Result<Response> {
    let id = request.id_param("product_id")?;
    let page = pages::named(request)?;
    let attributes: Readable<ProductAttribute> = sql::query(IN_PRODUCT)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("attribute_value", "attribute_value_id")?;
    if attributes.is_empty() {
        require_product(id)?;
    }
    page.respond(attributes)
}

fn find(attribute_id: i64) -> Result<Attribute> {
    let attribute: Option<Attribute> = sql::query(ONE)
        .bind(attribute_id)
        .readable_first("attribute", "attribute_id")?;
    attribute.ok_or(UNKNOWN_ATTRIBUTE)
}
