//! `/admin/attributes/values`: making, changing and deleting the values that
//! an attribute offers.

use edge_sdk::{Failure, Request, Response, Result, sql};

use super::{attributes, hold, merchant, new_id, some};
use crate::attributes::NOT_FOUND as NO_ATTRIBUTE;
use crate::input::{self, NAME};
use crate::model::AttributeValue;

/// There is no attribute value with the id that was asked for.
pub const NOT_FOUND: Failure =
    Failure::new(404, "ATT_02", "Don't exist attribute value with this ID.");

const IN_USE: Failure = Failure::new(409, "ATT_04", "Products still offer the attribute value.");

/// A new value of an attribute.
pub const INSERT: &str = "INSERT INTO attribute_value (attribute_id, value) VALUES (?, ?)";

/// A value, by its id, as it is from now on.
pub const UPDATE: &str = "UPDATE attribute_value SET value = ? WHERE attribute_value_id = ?";

/// Hold a value, by id.
pub const HOLD: &str = "UPDATE attribute_value SET value = value WHERE attribute_value_id = ?";

/// Delete a value, by id twice, that no product offers.
pub const DELETE: &str = "DELETE FROM attribute_value WHERE attribute_value_id = ? \
     AND NOT EXISTS (SELECT 1 FROM product_attribute pa WHERE pa.attribute_value_id = ?)";

/// POST `/admin/attributes/{attribute_id}/values`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit; `DEP_01` for a
/// malformed id, `ATT_01` for an unknown one.
pub fn add(request: &Request) -> Result<Response> {
    merchant(request)?;
    let attribute = request.id_param("attribute_id")?;
    let fields = request.fields()?;
    let value = input::text(&fields, "value", NAME)?;
    let id = sql::transaction(|transaction| {
        hold(transaction, attributes::HOLD, attribute, NO_ATTRIBUTE)?;
        let added = transaction.query(INSERT).bind(attribute).bind(value);
        Ok::<_, Failure>(new_id(added.execute()?)?)
    })?;
    Response::json(&AttributeValue {
        attribute_value_id: id,
        value: value.to_owned(),
    })
}

/// PUT `/admin/attributes/values/{attribute_value_id}`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit; `DEP_01` for a
/// malformed id, `ATT_02` for an unknown one.
pub fn change(request: &Request) -> Result<Response> {
    merchant(request)?;
    let attribute_value_id = request.id_param("attribute_value_id")?;
    let fields = request.fields()?;
    let value = input::text(&fields, "value", NAME)?;
    let changed = sql::query(UPDATE).bind(value).bind(attribute_value_id);
    some(changed.execute()?, NOT_FOUND)?;
    Response::json(&AttributeValue {
        attribute_value_id,
        value: value.to_owned(),
    })
}

/// DELETE `/admin/attributes/values/{attribute_value_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `ATT_02` for an
/// unknown one, `ATT_04` for one that a product offers.
pub fn delete(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("attribute_value_id")?;
    sql::transaction(|transaction| {
        hold(transaction, HOLD, id, NOT_FOUND)?;
        let deleted = transaction.query(DELETE).bind(id).bind(id).execute()?;
        some(deleted, IN_USE)
    })?;
    Ok(Response::empty())
}
