//! `/tax`: the taxes that an order can be made with. One without a percentage
//! is none.

use edge_sdk::sql::Readable;
use edge_sdk::{Failure, Request, Response, Result, sql};

use crate::model::Tax;

/// Refusal of an id that no tax has.
pub const NOT_FOUND: Failure = Failure::new(404, "TAX_01", "Don't exist tax with this ID.");

/// Selects all taxes.
pub const ALL: &str = "SELECT tax_id, tax_type, tax_percentage FROM tax ORDER BY tax_id";

/// Selects one tax, by id.
pub const ONE: &str = "SELECT tax_id, tax_type, tax_percentage FROM tax WHERE tax_id = ?";

/// GET `/tax`.
///
/// # Errors
/// Those of the database.
pub fn list(_: &Request) -> Result<Response> {
    let taxes: Readable<Tax> = sql::query(ALL).readable_rows("tax", "tax_id")?;
    Response::json(&taxes.into_vec())
}

/// GET `/tax/{tax_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `TAX_01` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    Response::json(&find(request.id_param("tax_id")?)?)
}

/// Returns the tax with this id.
///
/// # Errors
/// `TAX_01`, or those of the database.
pub fn find(tax_id: i64) -> Result<Tax> {
    let query = sql::query(ONE).bind(tax_id);
    let tax: Option<Tax> = query.readable_first("tax", "tax_id")?;
    tax.ok_or(NOT_FOUND)
}
