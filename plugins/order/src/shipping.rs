//! `/shipping`: where the shop sends to, how, and for how much. A way without a
//! price is none.

use edge_sdk::sql::Readable;
use edge_sdk::{Failure, Request, Response, Result, sql};

use crate::model::{Shipping, ShippingRegion};

/// Refusal of an id that no region or way of shipping has.
pub const NOT_FOUND: Failure = Failure::new(404, "SHP_03", "Don't exist shipping with this ID.");

/// Selects all regions.
pub const REGIONS: &str =
    "SELECT shipping_region_id, shipping_region FROM shipping_region ORDER BY shipping_region_id";

/// Selects 1 if a region has the id.
pub const REGION_EXISTS: &str = "SELECT 1 FROM shipping_region WHERE shipping_region_id = ?";

/// Selects the ways to send to a region, by its id.
pub const IN_REGION: &str = "SELECT shipping_id, shipping_type, shipping_cost, shipping_region_id \
     FROM shipping WHERE shipping_region_id = ? ORDER BY shipping_id";

/// Selects one way of shipping, by id.
pub const ONE: &str = "SELECT shipping_id, shipping_type, shipping_cost, shipping_region_id \
     FROM shipping WHERE shipping_id = ?";

/// GET `/shipping/regions`.
///
/// # Errors
/// Those of the database.
pub fn regions(_: &Request) -> Result<Response> {
    let regions: Readable<ShippingRegion> =
        sql::query(REGIONS).readable_rows("shipping_region", "shipping_region_id")?;
    Response::json(&regions.into_vec())
}

/// GET `/shipping/regions/{shipping_region_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `SHP_03` for an unknown one.
pub fn in_region(request: &Request) -> Result<Response> {
    let id = request.id_param("shipping_region_id")?;
    let query = sql::query(IN_REGION).bind(id);
    let ways: Readable<Shipping> = query.readable_rows("shipping", "shipping_id")?;
    if ways.is_empty() {
        let region: Option<i64> = sql::query(REGION_EXISTS).bind(id).fetch_optional()?;
        region.ok_or(NOT_FOUND)?;
    }
    Response::json(&ways.into_vec())
}

/// Returns the way of shipping with this id.
///
/// # Errors
/// `SHP_03`, or those of the database.
pub fn find(shipping_id: i64) -> Result<Shipping> {
    let query = sql::query(ONE).bind(shipping_id);
    let shipping: Option<Shipping> = query.readable_first("shipping", "shipping_id")?;
    shipping.ok_or(NOT_FOUND)
}
