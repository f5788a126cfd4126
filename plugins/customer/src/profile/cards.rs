//! `/customers/creditCard`: the card that a customer likes to pay with.

use edge_sdk::{Request, Response, Result, sql};

use crate::profile;
use crate::rules::card;

/// Changes the card of a customer, by id.
pub const UPDATE: &str = "UPDATE customer SET credit_card = ? WHERE customer_id = ?";

/// PUT `/customers/creditCard` with `credit_card`, of which no more than the
/// last four digits are kept.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `USR_02`, `USR_08`.
pub fn update(request: &Request) -> Result<Response> {
    let id = request.principal()?.id;
    let fields = request.fields()?;
    fields.required(&["credit_card"])?;
    let masked = card::mask(fields.get("credit_card").unwrap_or_default())?;
    let changed = sql::query(UPDATE).bind(masked).bind(id).execute()?;
    profile::after(changed, id)
}
