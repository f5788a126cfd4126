//! `/products`: lists of products, and one product from all sides.

use std::time::Duration;

use edge_sdk::sql::Readable;
use edge_sdk::{Failure, Listing, Page, Request, Response, Result, sql};
use serde::de::DeserializeOwned;

use crate::ids::{UNKNOWN_PRODUCT, require_category, require_department, require_product};
use crate::model::{Product, ProductDetails, ProductLocation, ProductSummary};
use crate::pages;

const BAD_LENGTH: Failure = Failure::malformed("The description length is not a number.");

/// Characters of a description in a list, unless the client says otherwise.
const DEFAULT_DESCRIPTION_CHARS: usize = 200;

/// Characters of a description in a list at most, so that a page of products
/// stays within what a reply may have. No description that is written here is
/// longer; an older shop may have some.
const MAX_DESCRIPTION_CHARS: usize = 4000;

/// How old a count in a list may be where the host cannot follow changes. A database counts by
/// reading, a page it finds by an index: at 100,000 products counting is nearly all that a list
/// costs.
const COUNT_AGE: Duration = Duration::from_secs(2);

/// Counts all products.
pub const COUNT: &str = "SELECT COUNT(*) FROM product";

/// Selects a page of all products.
pub const PAGE: &str = "SELECT product_id, name, description, price, discounted_price, thumbnail \
     FROM product ORDER BY product_id LIMIT ? OFFSET ?";

/// Counts the products of a category, by its id.
pub const COUNT_IN_CATEGORY: &str = "SELECT COUNT(*) FROM product_category WHERE category_id = ?";

/// Counts the products of a category, by its id, without those that are gone.
pub const COUNT_THERE_IN_CATEGORY: &str = "SELECT COUNT(*) FROM product_category pc \
     JOIN product p ON p.product_id = pc.product_id WHERE pc.category_id = ?";

/// Selects a page of a category, by its id. The rows to skip are skipped in the
/// index.
pub const IN_CATEGORY: &str = "SELECT p.product_id, p.name, p.description, p.price, p.discounted_price, p.thumbnail \
     FROM (SELECT pc.product_id FROM category c \
     JOIN product_category pc ON pc.category_id = c.category_id WHERE c.category_id = ? \
     ORDER BY pc.product_id LIMIT ? OFFSET ?) page \
     JOIN product p ON p.product_id = page.product_id ORDER BY p.product_id";

/// Counts the products of a department, by its id.
pub const COUNT_IN_DEPARTMENT: &str = "SELECT COUNT(DISTINCT pc.product_id) FROM category c \
     JOIN product_category pc ON pc.category_id = c.category_id WHERE c.department_id = ?";

/// Counts the products of a department, by its id, without those that are gone.
pub const COUNT_THERE_IN_DEPARTMENT: &str = "SELECT COUNT(DISTINCT p.product_id) FROM category c \
     JOIN product_category pc ON pc.category_id = c.category_id \
     JOIN product p ON p.product_id = pc.product_id WHERE c.department_id = ?";

/// Selects a page of a department, by its id: each product once, in however many of
/// its categories it is.
pub const IN_DEPARTMENT: &str = "SELECT p.product_id, p.name, p.description, p.price, p.discounted_price, p.thumbnail \
     FROM (SELECT DISTINCT pc.product_id FROM department d \
     JOIN category c ON c.department_id = d.department_id \
     JOIN product_category pc ON pc.category_id = c.category_id WHERE d.department_id = ? \
     ORDER BY pc.product_id LIMIT ? OFFSET ?) page \
     JOIN product p ON p.product_id = page.product_id ORDER BY p.product_id";

/// Selects one product, by id.
pub const ONE: &str = "SELECT product_id, name, description, price, discounted_price, image, image_2, thumbnail, display \
     FROM product WHERE product_id = ?";

/// Selects one product as its own page shows it, by id.
pub const DETAILS: &str = "SELECT product_id, name, description, price, discounted_price, image, image_2 \
     FROM product WHERE product_id = ?";

/// Selects a page of where a product is found, by its id.
pub const LOCATIONS: &str = "SELECT c.category_id, c.name AS category_name, d.department_id, d.name AS department_name \
     FROM product p JOIN product_category pc ON pc.product_id = p.product_id \
     JOIN category c ON c.category_id = pc.category_id \
     JOIN department d ON d.department_id = c.department_id \
     WHERE p.product_id = ? ORDER BY c.category_id LIMIT ? OFFSET ?";

/// GET `/products`.
///
/// # Errors
/// `PAG_03` for a malformed page.
pub fn list(request: &Request) -> Result<Response> {
    let page = request.page()?;
    let length = description_length(request)?;
    let rows = sql::query(PAGE)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("product", "product_id")?;
    listing(request, count(COUNT, None)?, rows, length)
}

/// What a list of products has in common: their category or their department.
struct Group {
    /// Parameter of the path with the group's id.
    parameter: &'static str,
    /// Selects a page of the group's products.
    page: &'static str,
    /// Texts that count them, for [`listing_count`].
    counts: [&'static str; 2],
    /// Refuses an id that no group has.
    require: fn(i64) -> Result<()>,
}

const CATEGORY: Group = Group {
    parameter: "category_id",
    page: IN_CATEGORY,
    counts: [COUNT_IN_CATEGORY, COUNT_THERE_IN_CATEGORY],
    require: require_category,
};

const DEPARTMENT: Group = Group {
    parameter: "department_id",
    page: IN_DEPARTMENT,
    counts: [COUNT_IN_DEPARTMENT, COUNT_THERE_IN_DEPARTMENT],
    require: require_department,
};

/// GET `/products/inCategory/{category_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `CAT_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_category(request: &Request) -> Result<Response> {
    in_group(request, &CATEGORY)
}

/// GET `/products/inDepartment/{department_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `DEP_02` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn in_department(request: &Request) -> Result<Response> {
    in_group(request, &DEPARTMENT)
}

fn in_group(request: &Request, group: &Group) -> Result<Response> {
    let id = request.id_param(group.parameter)?;
    let page = request.page()?;
    let length = description_length(request)?;
    let rows: Readable<ProductSummary> = sql::query(group.page)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("product", "product_id")?;
    if rows.is_empty() {
        (group.require)(id)?;
    }
    let count = listing_count(group.counts, id, page, rows.found())?;
    listing(request, count, rows, length)
}

/// GET `/products/{product_id}`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one.
pub fn one(request: &Request) -> Result<Response> {
    Response::json(&find::<Product>(request, ONE)?)
}

/// GET `/products/{product_id}/details`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one.
pub fn details(request: &Request) -> Result<Response> {
    Response::json(&find::<ProductDetails>(request, DETAILS)?)
}

fn find<T: DeserializeOwned>(request: &Request, statement: &str) -> Result<T> {
    let product: Option<T> = sql::query(statement)
        .bind(request.id_param("product_id")?)
        .readable_first("product", "product_id")?;
    product.ok_or(UNKNOWN_PRODUCT)
}

/// GET `/products/{product_id}/locations`.
///
/// # Errors
/// `DEP_01` for a malformed id, `PRO_01` for an unknown one, `PAG_03` for a
/// malformed page.
pub fn locations(request: &Request) -> Result<Response> {
    let id = request.id_param("product_id")?;
    let page = pages::named(request)?;
    let locations: Readable<ProductLocation> = sql::query(LOCATIONS)
        .bind(id)
        .bind(page.limit())
        .bind(page.offset())
        .readable_rows("category", "category_id")?;
    if locations.is_empty() {
        require_product(id)?;
    }
    page.respond(locations)
}

/// Returns what a statement counts, by an id if it takes one.
fn count(text: &'static str, id: Option<i64>) -> Result<i64> {
    let query = id.into_iter().fold(sql::query(text), sql::Query::bind);
    Ok(query.keep(COUNT_AGE).fetch_one()?)
}

/// Returns the length of a list of which a page was found with this many rows.
/// The first text counts assignments, which is cheap; where the page shows
/// that there are assignments of products that are gone, the second one counts
/// what is there.
fn listing_count(
    [assigned, there]: [&'static str; 2],
    id: i64,
    page: Page,
    rows: usize,
) -> Result<i64> {
    let counted = count(assigned, Some(id))?;
    let expected = (counted - page.offset()).clamp(0, page.limit());
    if i64::try_from(rows) == Ok(expected) {
        return Ok(counted);
    }
    count(there, Some(id))
}

/// Returns the page that `request` asks for, with the number of all products, and
/// with descriptions that are cut.
pub(crate) fn listing(
    request: &Request,
    count: i64,
    rows: Readable<ProductSummary>,
    length: usize,
) -> Result<Response> {
    let rows = rows.map(|product| product.shortened(length)).into_vec();
    let response = Response::json(&Listing { count, rows })?;
    Ok(request.page()?.link(request, count, response))
}

/// Characters of a description that the client wants in a list:
/// `description_length`.
pub(crate) fn description_length(request: &Request) -> Result<usize> {
    const NAME: &str = "description_length";
    let length = request.query_natural(NAME);
    let Some(length) = length.map_err(|_| BAD_LENGTH.field(NAME))? else {
        return Ok(DEFAULT_DESCRIPTION_CHARS);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(length.min(MAX_DESCRIPTION_CHARS))
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    fn length(query: &str) -> Result<usize> {
        description_length(&Request::from(testing::get(&format!("/products?{query}"))))
    }

    #[test]
    fn the_description_length_is_a_number() {
        assert_eq!(length(""), Ok(200));
        assert_eq!(length("description_length=0"), Ok(0));
        assert_eq!(length("description_length=12"), Ok(12));
        assert_eq!(length("description_length=1000000000"), Ok(4000));
        for text in ["", "200.0", "%20200", "2e2"] {
            assert_eq!(length(&format!("description_length={text}")), Ok(200));
        }
        for text in ["-1", "%2B1", "1.5", "ten", "99999999999999999999999"] {
            let failure = length(&format!("description_length={text}")).map_err(|f| f.status());
            assert_eq!(failure, Err(400), "{text:?}");
        }
    }
}
