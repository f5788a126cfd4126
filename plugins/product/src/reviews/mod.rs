//! `/products/{product_id}/reviews`: what customers said of a product, each
//! customer once: a second review takes the place of the first.

pub mod reviewers;

use edge_sdk::sql::Readable;
use edge_sdk::wit::Principal;
use edge_sdk::{Fields, Request, Response, Result, sql};

use crate::ids::{UNKNOWN_PRODUCT, require_product};
use crate::input;
use crate::model::Review;

/// Characters of a review.
const MAX_REVIEW_CHARS: usize = 4000;

/// Characters of a reviewer's name.
const MAX_REVIEWER_CHARS: usize = 50;

/// Names that is shown for a reviewer whom nobody knows.
pub(crate) const ANONYMOUS: &str = "Anonymous";

/// Reviews of a page, unless the client asks for fewer or more.
const DEFAULT_PAGE_ROWS: u64 = 20;

/// Reviews of a page at most: with the longest reviews, written as JSON, they
/// stay within what a reply may have.
const MAX_PAGE_ROWS: u64 = 100;

/// Selects a page of the reviews of a product, by its id, newest first. Rows of an
/// older shop may lack the reviewer's name, and may be longer than any that is
/// written here: of those, only the beginning is read.
pub const IN_PRODUCT: &str = "SELECT r.review_id, COALESCE(r.reviewer, 'Anonymous') AS name, \
     CASE WHEN LENGTH(r.review) > 16000 THEN SUBSTR(r.review, 1, 4000) ELSE r.review END AS review, \
     r.rating, r.created_on \
     FROM product p JOIN review r ON r.product_id = p.product_id \
     WHERE p.product_id = ? AND (r.edition IS NULL OR r.edition = 0) \
     ORDER BY r.created_on DESC, r.review_id DESC LIMIT ? OFFSET ?";

/// Writes a customer's review anew: name, text, rating; product and customer.
pub const REPLACE: &str = "UPDATE review SET reviewer = ?, review = ?, rating = ?, created_on = {now} \
     WHERE product_id = ? AND customer_id = ? AND edition = 0";

/// Adds a customer's only review of a product, the last parameter, if there is
/// such a product.
pub const ADD: &str = "INSERT INTO review (customer_id, product_id, reviewer, review, rating, created_on, edition) \
     SELECT ?, product_id, ?, ?, ?, {now}, 0 FROM product WHERE product_id = ?";

/// Deletes what a customer wrote of a product before there was one review for
/// each: product and customer.
pub const DELETE_OLDER: &str = "DELETE FROM review WHERE product_id = ? AND customer_id = ? \
     AND (edition IS NULL OR edition > 0)";

/// GET `/products/{product_id}/reviews`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_product(request: &Request) -> Result<Response> {
    let id = request.id_param("product_id")?;
    let page = request.array_page(DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS)?;
    let reviews: Readable<Review> = sql::query(IN_PRODUCT)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("review", "review_id")?;
    if reviews.is_empty() {
        require_product(id)?;
    }
    page.respond(reviews.map(|review| review.shortened(MAX_REVIEW_CHARS)))
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
    let review = NewReview::read(&fields)?;
    if !review.replace(reviewer, id)? {
        match review.insert(reviewer, id) {
            Ok(true) => {}
            Ok(false) => return Err(UNKNOWN_PRODUCT),
            // The same customer's other request was faster.
            Err(sql::Error::Conflict(_)) if review.replace(reviewer, id)? => {}
            Err(error) => return Err(error.into()),
        }
    }
    sql::query(DELETE_OLDER)
        .bind(id)
        .bind(reviewer.id)
        .execute()?;
    Ok(Response::empty_object())
}

/// A review as its writer sent it.
#[derive(Debug, PartialEq)]
struct NewReview<'a> {
    review: &'a str,
    rating: i64,
}

impl<'a> NewReview<'a> {
    fn read(fields: &'a Fields) -> Result<Self> {
        fields.required(&["review", "rating"])?;
        Ok(Self {
            review: input::text(fields, "review", MAX_REVIEW_CHARS)?,
            rating: input::required_number(fields, "rating", 1..=5)?,
        })
    }

    /// Puts this in the place of the customer's review. Returns whether there
    /// was one.
    fn replace(&self, reviewer: &Principal, product: i64) -> Result<bool, sql::Error> {
        let replaced = sql::query(REPLACE)
            .bind(signature(&reviewer.name))
            .bind(self.review)
            .bind(self.rating)
            .bind(product)
            .bind(reviewer.id)
            .execute()?;
        Ok(replaced.rows_affected > 0)
    }

    /// Adds this as the customer's review. Returns whether there is such a
    /// product; a review that is there is a conflict.
    fn insert(&self, reviewer: &Principal, product: i64) -> Result<bool, sql::Error> {
        let added = sql::query(ADD)
            .bind(reviewer.id)
            .bind(signature(&reviewer.name))
            .bind(self.review)
            .bind(self.rating)
            .bind(product)
            .execute()?;
        Ok(added.rows_affected > 0)
    }
}

/// Returns a name, cut to what its column takes.
pub(crate) fn signature(name: &str) -> String {
    name.chars().take(MAX_REVIEWER_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::{fields, refusal};

    #[test]
    fn a_review_has_words_and_a_rating() {
        let body = fields(r#"{"review": "Fits. 👕", "rating": 5, "customer_id": 1}"#);
        let expected = NewReview {
            review: "Fits. 👕",
            rating: 5,
        };
        assert_eq!(NewReview::read(&body), Ok(expected));
    }

    #[test]
    fn what_is_missing_too_long_or_out_of_range_is_named() {
        let long = format!(
            r#"{{"review": "{}", "rating": 1}}"#,
            "x".repeat(MAX_REVIEW_CHARS + 1)
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
            assert_eq!(refusal(NewReview::read(&body)), expected);
        }
    }

    #[test]
    fn the_longest_page_is_within_what_a_reply_may_have() {
        /// Limit on a reply, in bytes, by the manifest's default.
        const REPLY: usize = 4 * 1024 * 1024;
        // No character takes more bytes of JSON than one that is escaped.
        let longest = Review {
            name: "\u{1}".repeat(MAX_REVIEWER_CHARS),
            review: "\u{1}".repeat(MAX_REVIEW_CHARS),
            rating: Some(5),
            created_on: Some("2024-05-06T06:58:00.000Z".to_owned()),
        };
        let bytes = serde_json::to_vec(&longest).unwrap().len() + 1;
        assert!(bytes * usize::try_from(MAX_PAGE_ROWS).unwrap() < REPLY);
    }

    #[test]
    fn long_names_are_cut_in_characters() {
        assert_eq!(signature("Ada"), "Ada");
        assert_eq!(signature(&"é".repeat(60)), "é".repeat(50));
    }
}
