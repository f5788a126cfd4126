//! `/products/{product_id}/reviews`: what customers said of a product.

use edge_sdk::{Request, Response, Result, sql};

use crate::model::Review;
use crate::products;

/// The reviews of a product, by its id, newest first. Rows of an older shop
/// may lack the reviewer's name.
pub const OF_PRODUCT: &str = "SELECT COALESCE(reviewer, 'Anonymous') AS name, review, rating, created_on \
     FROM review WHERE product_id = ? ORDER BY created_on DESC, review_id DESC LIMIT 1000";

/// GET `/products/{product_id}/reviews`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one.
pub fn of_product(request: &Request) -> Result<Response> {
    let id = request.id_param("product_id")?;
    let reviews: Vec<Review> = sql::query(OF_PRODUCT).bind(id).rows()?;
    if reviews.is_empty() {
        products::check(id)?;
    }
    Response::json(&reviews)
}
