//! `/admin/products`: making, changing and deleting products, and the search
//! index with them.

use edge_sdk::money::Cents;
use edge_sdk::sql::{self, Query, Transaction, column};
use edge_sdk::{Failure, Fields, Request, Response, Result};
use serde::Deserialize;

use super::rows::{new_id, require_row};
use super::{merchant, stock};
use crate::ids::UNKNOWN_PRODUCT;
use crate::input::{self, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS};
use crate::model::StockedProduct;
use crate::search::index;

/// Characters of the name of a picture's file.
const MAX_FILE_NAME_CHARS: usize = 150;

const BAD_DISCOUNT: Failure =
    Failure::new(400, "PRO_02", "The discounted price is above the price.");

/// Inserts a new product.
pub const INSERT: &str = "INSERT INTO product \
     (name, description, price, discounted_price, image, image_2, thumbnail, display, stock) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A product, by its id, as it is from now on; its stock stays.
pub const UPDATE: &str = "UPDATE product SET name = ?, description = ?, price = ?, discounted_price = ?, \
     image = ?, image_2 = ?, thumbnail = ?, display = ? WHERE product_id = ?";

/// Holds a product, by id.
pub const HOLD: &str = "UPDATE product SET name = name WHERE product_id = ?";

/// Selects the texts of a product that the search index is made of, by its id.
pub const TEXTS: &str = "SELECT name, description FROM product WHERE product_id = ?";

/// Selects one product as merchants see it, by id.
pub const ONE: &str = "SELECT product_id, name, description, price, discounted_price, image, image_2, thumbnail, \
     display, stock FROM product WHERE product_id = ?";

/// Deletes a product, by id.
pub const DELETE: &str = "DELETE FROM product WHERE product_id = ?";

/// Deletes what hangs on a product, by its id.
pub const DELETE_DEPENDENTS: [&str; 3] = [
    "DELETE FROM product_category WHERE product_id = ?",
    "DELETE FROM product_attribute WHERE product_id = ?",
    "DELETE FROM review WHERE product_id = ?",
];

/// POST `/admin/products`.
///
/// # Errors
/// Those of who is no merchant, and of fields that do not fit; `PRO_02` for a
/// discount above the price.
pub fn add(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let body = request.fields()?;
    let fields = ProductFields::read(&body)?;
    let stock = stock::read(&body)?;
    let product = sql::transaction(|transaction| {
        index::lock(transaction)?;
        let insert = fields.bind(transaction.query(INSERT)).bind(stock);
        let id = new_id(insert.execute()?)?;
        index::add(transaction, id, fields.name, fields.description)?;
        find(transaction, id)
    })?;
    Response::json(&product)
}

/// GET `/admin/products/{product_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `PRO_01` for an
/// unknown one.
pub fn one(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param("product_id")?;
    let product: Option<StockedProduct> = sql::query(ONE)
        .bind(id)
        .readable_first("product", "product_id")?;
    Response::json(&product.ok_or(UNKNOWN_PRODUCT)?)
}

/// PUT `/admin/products/{product_id}`.
///
/// # Errors
/// As [`add`]; `DEP_01` for a malformed id, `PRO_01` for an unknown one.
pub fn change(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param("product_id")?;
    let body = request.fields()?;
    let fields = ProductFields::read(&body)?;
    let product = sql::transaction(|transaction| {
        index::lock(transaction)?;
        let before = texts(transaction, id)?;
        let update = fields.bind(transaction.query(UPDATE)).bind(id);
        require_row(update.execute()?, UNKNOWN_PRODUCT)?;
        if (before.name.as_str(), before.description.as_str()) != (fields.name, fields.description)
        {
            index::remove(transaction, id, &before.name, &before.description)?;
            index::add(transaction, id, fields.name, fields.description)?;
        }
        find(transaction, id)
    })?;
    Response::json(&product)
}

/// DELETE `/admin/products/{product_id}`.
///
/// # Errors
/// Those of who is no merchant; `DEP_01` for a malformed id, `PRO_01` for an
/// unknown one.
pub fn delete(request: &Request) -> Result<Response> {
    merchant::require(request)?;
    let id = request.id_param("product_id")?;
    sql::transaction(|transaction| {
        index::lock(transaction)?;
        let before = texts(transaction, id)?;
        require_row(
            transaction.query(DELETE).bind(id).execute()?,
            UNKNOWN_PRODUCT,
        )?;
        for statement in DELETE_DEPENDENTS {
            transaction.query(statement).bind(id).execute()?;
        }
        index::remove(transaction, id, &before.name, &before.description)?;
        Ok::<_, Failure>(())
    })?;
    Ok(Response::empty_object())
}

/// The texts that the index was made of.
#[derive(Deserialize)]
struct Texts {
    #[serde(deserialize_with = "column::text")]
    name: String,
    #[serde(deserialize_with = "column::text")]
    description: String,
}

fn texts(transaction: &Transaction, id: i64) -> Result<Texts> {
    let texts: Option<Texts> = transaction.query(TEXTS).bind(id).fetch_optional()?;
    texts.ok_or(UNKNOWN_PRODUCT)
}

fn find(transaction: &Transaction, id: i64) -> Result<StockedProduct> {
    let product: Option<StockedProduct> = transaction
        .query(ONE)
        .bind(id)
        .readable_first("product", "product_id")?;
    product.ok_or(UNKNOWN_PRODUCT)
}

/// The fields of a product as a merchant wrote them. What was left out is nothing
/// from now on.
#[derive(Debug, PartialEq)]
struct ProductFields<'a> {
    name: &'a str,
    description: &'a str,
    /// In cents.
    price: u64,
    /// In cents.
    discounted_price: u64,
    image: Option<&'a str>,
    image_2: Option<&'a str>,
    thumbnail: Option<&'a str>,
    display: i64,
}

impl<'a> ProductFields<'a> {
    fn read(fields: &'a Fields) -> Result<Self> {
        fields.required(&["name", "description", "price"])?;
        let picture = |name| input::optional_text(fields, name, MAX_FILE_NAME_CHARS);
        let product = Self {
            name: input::text(fields, "name", MAX_NAME_CHARS)?,
            description: input::text(fields, "description", MAX_DESCRIPTION_CHARS)?,
            price: input::money(fields, "price")?.unwrap_or_default(),
            discounted_price: input::money(fields, "discounted_price")?.unwrap_or_default(),
            image: picture("image")?,
            image_2: picture("image_2")?,
            thumbnail: picture("thumbnail")?,
            display: input::number(fields, "display", 0..=3)?.unwrap_or_default(),
        };
        if product.discounted_price > product.price {
            return Err(BAD_DISCOUNT.field("discounted_price"));
        }
        Ok(product)
    }

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
        query
            .bind(self.name)
            .bind(self.description)
            .bind(Cents(self.price))
            .bind(Cents(self.discounted_price))
            .bind(self.image)
            .bind(self.image_2)
            .bind(self.thumbnail)
            .bind(self.display)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::{fields, refusal};

    /// Returns a body that fits, with some more in it.
    fn body(more: &str) -> String {
        format!(r#"{{"name": "Arc", "description": "Twelve avenues." {more}}}"#)
    }

    #[test]
    fn what_is_left_out_is_nothing() {
        let fields = fields(&body(r#", "price": 16.9, "product_id": 7, "stock": 3"#));
        let expected = ProductFields {
            name: "Arc",
            description: "Twelve avenues.",
            price: 1690,
            discounted_price: 0,
            image: None,
            image_2: None,
            thumbnail: None,
            display: 0,
        };
        assert_eq!(ProductFields::read(&fields), Ok(expected));
    }

    #[test]
    fn a_discount_may_be_the_price_and_not_a_cent_more() {
        for (discount, fits) in [("0", true), ("16.95", true), ("16.96", false)] {
            let more = format!(r#", "price": "16.95", "discounted_price": "{discount}""#);
            let fields = fields(&body(&more));
            let written = ProductFields::read(&fields);
            assert_eq!(written.is_ok(), fits, "{discount}");
            if !fits {
                let expected = ("PRO_02".to_owned(), "discounted_price".to_owned());
                assert_eq!(refusal(written), expected);
            }
        }
    }

    fn assert_refused(body: &str, code: &str, field: &str) {
        let expected = (code.to_owned(), field.to_owned());
        let refused = refusal(ProductFields::read(&fields(body)));
        assert_eq!(refused, expected, "{body}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_refused("{}", "USR_02", "name,description,price");
        assert_refused(&body(""), "USR_02", "price");
        for (more, code, field) in [
            (r#", "price": " ""#, "USR_02", "price"),
            (r#", "price": -1"#, "HTTP_400", "price"),
            (r#", "price": 1.999"#, "HTTP_400", "price"),
            (r#", "price": 100000000"#, "HTTP_400", "price"),
            (
                r#", "price": 1, "discounted_price": "free""#,
                "HTTP_400",
                "discounted_price",
            ),
            (r#", "price": 1, "display": 4"#, "HTTP_400", "display"),
        ] {
            assert_refused(&body(more), code, field);
        }
    }

    #[test]
    fn what_is_too_long_is_named() {
        let long = |characters: usize| "x".repeat(characters);
        let thumbnail = body(&format!(r#", "price": 1, "thumbnail": "{}""#, long(151)));
        assert_refused(&thumbnail, "USR_07", "thumbnail");
        let name = long(101);
        let name = format!(r#"{{"name": "{name}", "description": "x", "price": 1}}"#);
        assert_refused(&name, "USR_07", "name");
        let description = long(1001);
        let description = format!(r#"{{"name": "x", "description": "{description}", "price": 1}}"#);
        assert_refused(&description, "USR_07", "description");
    }
}
