//! `/admin/attributes`: making, changing and deleting attributes.

use edge_sdk::{Failure, Request, Response, Result, sql};

use super::{hold, merchant, new_id, some};
use crate::attributes::NOT_FOUND;
use crate::input::{self, NAME};
use crate::model::Attribute;

const IN_USE: Failure = Failure::new(409, "ATT_03", "The attribute still has values.");

/// A new attribute.
pub const INSERT: &str = "INSERT INTO attribute (name) VALUES (?)";

/// An attribute, by its id, as it is from now on.
pub const UPDATE: &str = "UPDATE attribute SET name = ? WHERE attribute_id = ?";

/// Hold an attribute, by id.
pub const HOLD: &str = "UPDATE attribute SET name = name WHERE attribute_id = ?";

/// Delete an attribute, by id twice, that has no values.
pub const DELETE: &str = "DELETE FROM attribute WHERE attribute_id = ? \
     AND NOT EXISTS (SELECT 1 FROM attribute_value v WHERE v.attribute_id = ?)";

/// POST `/admin/attributes`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit.
pub fn add(request: &Request) -> Result<Response> {
    merchant(request)?;
    let fields = request.fields()?;
    let name = input::text(&fields, "name", NAME)?;
    let added = sql::query(INSERT).bind(name).execute()?;
    Response::json(&Attribute {
        attribute_id: new_id(added)?,
        name: name.to_owned(),
    })
}

/// PUT `/admin/attributes/{attribute_id}`.
///
/// # Errors
/// As [`add`]; `DEP_01` for a malformed id, `ATT_01` for an unknown one.
pub fn change(request: &Request) -> Result<Response> {
    merchant(request)?;
    let attribute_id = request.id_param("attribute_id")?;
    let fields = request.fields()?;
    let name = input::text(&fields, "name", NAME)?;
    let changed = sql::query(UPDATE).bind(name).bind(attribute_id).execute()?;
    some(changed, NOT_FOUND)?;
    Response::json(&Attribute {
        attribute_id,
        name: name.to_owned(),
    })
}

/// DELETE `/admin/attributes/{attribute_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `ATT_01` for an
/// unknown one, `ATT_03` for one with values.
pub fn delete(request: &Request) -> Result<Response> {
    merchant(request)?;
    let id = request.id_param("attribute_id")?;
    sql::transaction(|transaction| {
        hold(transaction, HOLD, id, NOT_FOUND)?;
        let deleted = transaction.query(DELETE).bind(id).bind(id).execute()?;
        some(deleted, IN_USE)
    })?;
    Ok(Response::empty())
}
