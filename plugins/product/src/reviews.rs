//! `/products/{product_id}/reviews`: what customers said of a product.

use edge_sdk::sql::{self, Timestamp};
use edge_sdk::{Fields, Request, Response, Result, clock};

use crate::model::Review;
use crate::{input, products};

/// Characters of a review.
const LONGEST: usize = 4000;

/// Characters of a reviewer's name.
const REVIEWER: usize = 50;

/// The reviews of a product, by its id, newest first. Rows of an older shop
/// may lack the reviewer's name.
pub const OF_PRODUCT: &str = "SELECT COALESCE(r.reviewer, 'Anonymous') AS name, r.review, r.rating, r.created_on \
     FROM product p JOIN review r ON r.product_id = p.product_id \
     WHERE p.product_id = ? ORDER BY r.created_on DESC, r.review_id DESC LIMIT 1000";

/// Add a review of a product, the last parameter, if there is such a product.
pub const ADD: &str = "INSERT INTO review (customer_id, product_id, reviewer, review, rating, created_on) \
     SELECT ?, product_id, ?, ?, ?, ? FROM product WHERE product_id = ?";

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

/// POST `/products/{product_id}/reviews`.
///
/// # Errors
/// `AUT_01` and `AUT_02` for who has not signed in, `DEP_01` for a malformed
/// id, `PRO_01` for an unknown one, `USR_02`, `USR_07` and `HTTP_400` for
/// fields that are missing, too long or malformed.
pub fn add(request: &Request) -> Result<Response> {
    let reviewer = request.principal()?;
    let id = request.id_param("product_id")?;
    let fields = request.fields()?;
    let written = Written::read(&fields)?;
    let added = sql::query(ADD)
        .bind(reviewer.id)
        .bind(signature(&reviewer.name))
        .bind(written.review)
        .bind(written.rating)
        .bind(Timestamp(clock::now()))
        .bind(id)
        .execute()?;
    match added.rows_affected {
        0 => Err(products::NOT_FOUND),
        _ => Ok(Response::empty()),
    }
}

/// A review as its writer sent it.
#[derive(Debug, PartialEq)]
struct Written<'a> {
    review: &'a str,
    rating: i64,
}

impl<'a> Written<'a> {
    fn read(fields: &'a Fields) -> Result<Self> {
        fields.required(&["review", "rating"])?;
        Ok(Self {
            review: input::text(fields, "review", LONGEST)?,
            rating: input::required_number(fields, "rating", 1..=5)?,
        })
    }
}

/// A name, cut to what its column takes.
fn signature(name: &str) -> String {
    name.chars().take(REVIEWER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::{fields, refusal};

    #[test]
    fn a_review_has_words_and_a_rating() {
        let body = fields(r#"{"review": "Fits. 👕", "rating": 5, "customer_id": 1}"#);
        let expected = Written {
            review: "Fits. 👕",
            rating: 5,
        };
        assert_eq!(Written::read(&body), Ok(expected));
    }

    #[test]
    fn what_is_missing_too_long_or_out_of_range_is_named() {
        let long = format!(
            r#"{{"review": "{}", "rating": 1}}"#,
            "x".repeat(LONGEST + 1)
        );
        let cases = [
            ("{}", "USR_02", "review,rating"),
            (r#"{"review": " ", "rating": 1}"#, "USR_02", "review"),
            (r#"{"review": "x", "rating": ""}"#, "USR_02", "rating"),
            (&long, "USR_07", "review"),
            (r#"{"review": "x", "rating": 0}"#, "HTTP_400", "rating"),
            (r#"{"review": "x", "rating": 6}"#, "HTTP_400", "rating"),
            (r#"{"review": "x", "rating": 4.5}"#, "HTTP_400", "rating"),
            (r#"{"review": "x", "rating": true}"#, "HTTP_400", "rating"),
        ];
        for (body, code, field) in cases {
            let body = fields(body);
            let expected = (code.to_owned(), field.to_owned());
            assert_eq!(refusal(Written::read(&body)), expected);
        }
    }

    #[test]
    fn long_names_are_cut_in_characters() {
        assert_eq!(signature("Ada"), "Ada");
        assert_eq!(signature(&"é".repeat(60)), "é".repeat(50));
    }
}
