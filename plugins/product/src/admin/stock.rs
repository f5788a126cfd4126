//! `/admin/products/{product_id}/stock`: how many of a product are left.

use edge_sdk::{Failure, Fields, Request, Response, Result, sql};

use super::merchant;
use super::rows::require_row;
use crate::ids::UNKNOWN_PRODUCT;
use crate::input;

/// The most that a merchant may have of a product.
const MAX_STOCK: i64 = 1_000_000_000;

/// Word that a merchant writes for a product that never runs out.
const UNLIMITED: &str = "unlimited";

const BAD_STOCK: Failure =
    Failure::malformed("The stock is a number from 0 to 1000000000, or unlimited.");

/// Sets how many of a product, by its id, are left.
pub const SET: &str = "UPDATE product SET stock = ? WHERE product_id = ?";

/// PUT `/admin/products/{product_id}/stock`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `PRO_01` for an
/// unknown one, `USR_02` and `HTTP_400` without a sound `stock`.
pub fn set(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param("product_id")?;
    let fields = request.fields()?;
    fields.required(&["stock"])?;
    let stock = read(&fields)?;
    let changed = sql::query(SET).bind(stock).bind(id).execute()?;
    require_row(changed, UNKNOWN_PRODUCT)?;
    Ok(Response::empty_object())
}

/// Returns the field `stock`: none if the product never runs out, as without it.
pub(super) fn read(fields: &Fields) -> Result<Option<i64>> {
    match fields.get("stock") {
        Some(UNLIMITED) => Ok(None),
        _ => input::number(fields, "stock", 0..=MAX_STOCK).map_err(|_| BAD_STOCK.field("stock")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::{fields, refusal};

    #[test]
    fn stock_is_a_number_or_unlimited() {
        let stock = |json: &str| read(&fields(json));
        assert_eq!(stock(r#"{"stock": 0}"#), Ok(Some(0)));
        assert_eq!(stock(r#"{"stock": "10"}"#), Ok(Some(10)));
        assert_eq!(stock(r#"{"stock": 1000000000}"#), Ok(Some(MAX_STOCK)));
        for unlimited in [r#"{"stock": "unlimited"}"#, r#"{"stock": null}"#, "{}"] {
            assert_eq!(stock(unlimited), Ok(None), "{unlimited}");
        }
        for bad in ["-1", "1.5", "1000000001", r#""many""#, r#""Unlimited""#] {
            let refused = refusal(stock(&format!(r#"{{"stock": {bad}}}"#)));
            let expected = ("HTTP_400".to_owned(), "stock".to_owned());
            assert_eq!(refused, expected, "{bad}");
        }
    }
}
