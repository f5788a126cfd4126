//! `shop:catalog`: what other services ask of the catalog.

use std::collections::BTreeMap;

use edge_sdk::sql::{self, Error as SqlError};
use serde::Deserialize;

pub use crate::bindings::exports::shop::catalog::catalog::{
    Error, Guest, Item, Line, ReserveError,
};
use crate::statement::{bind_all, padded, placeholders};
use crate::{money, reservations};

/// How many products one statement fetches.
pub const ITEMS: [usize; 3] = [1, 10, 100];

/// The service, as the component exports it.
#[derive(Debug)]
pub struct Catalog;

impl Guest for Catalog {
    fn find(product_ids: Vec<i64>) -> Result<Vec<Option<Item>>, Error> {
        find(&product_ids).map_err(|error| Error::Unavailable(error.to_string()))
    }

    fn reserve(reservation: String, lines: Vec<Line>) -> Result<(), ReserveError> {
        reservations::reserve(&reservation, &lines).map_err(ReserveError::from)
    }

    fn release(reservation: String) -> Result<(), Error> {
        let released = reservations::release(&reservation);
        released.map_err(|error| Error::Unavailable(error.to_string()))
    }
}

/// The statement for products by their ids.
#[must_use]
pub fn items_text(products: usize) -> String {
    let products = placeholders(products);
    format!(
        "SELECT product_id, name, image, price, discounted_price, stock \
         FROM product WHERE product_id IN ({products})"
    )
}

/// A product as the database has it.
#[derive(Clone, Deserialize)]
struct Row {
    product_id: i64,
    name: String,
    image: Option<String>,
    price: String,
    discounted_price: String,
    stock: Option<i64>,
}

/// One entry for each id, in the order asked.
fn find(ids: &[i64]) -> Result<Vec<Option<Item>>, SqlError> {
    let most = ITEMS.into_iter().max().unwrap_or(1);
    let mut items = BTreeMap::new();
    for ids in ids.chunks(most) {
        for row in rows(ids)? {
            items.insert(row.product_id, item(row)?);
        }
    }
    Ok(ids.iter().map(|id| items.get(id).cloned()).collect())
}

fn rows(ids: &[i64]) -> Result<Vec<Row>, SqlError> {
    let shape = ITEMS.into_iter().find(|&shape| shape >= ids.len());
    let shape = shape.unwrap_or(ids.len());
    let text = items_text(shape);
    bind_all(sql::query(&text), padded(ids, shape)).rows()
}

fn item(row: Row) -> Result<Item, SqlError> {
    let cents = |text: &str| {
        let unreadable = || format!("{text:?} is no price of product {}", row.product_id);
        money::cents(text).ok_or_else(|| SqlError::Decode(unreadable()))
    };
    Ok(Item {
        price: money::effective(cents(&row.price)?, cents(&row.discounted_price)?),
        product_id: row.product_id,
        name: row.name,
        image: row.image,
        // More than can be said is as many as can be said.
        stock: row
            .stock
            .map(|stock| u32::try_from(stock.max(0)).unwrap_or(u32::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(price: &str, discounted_price: &str, stock: Option<i64>) -> Row {
        Row {
            product_id: 7,
            name: "Arc d'Triomphe".to_owned(),
            image: Some("arc.gif".to_owned()),
            price: price.to_owned(),
            discounted_price: discounted_price.to_owned(),
            stock,
        }
    }

    #[test]
    fn the_price_is_what_a_customer_pays() {
        for (price, discounted_price, expected) in [
            ("16.95", "13.95", 1395),
            ("16.95", "0.00", 1695),
            ("0.00", "0.00", 0),
            ("99999999.99", "0", 9_999_999_999),
        ] {
            let item = item(row(price, discounted_price, None)).unwrap();
            assert_eq!(item.price, expected);
        }
    }

    #[test]
    fn a_price_that_is_none_is_an_error() {
        for (price, discounted_price) in [("", "0.00"), ("-1.00", "0.00"), ("1.00", "x")] {
            let item = item(row(price, discounted_price, None));
            assert!(matches!(item, Err(SqlError::Decode(_))), "{item:?}");
        }
    }

    #[test]
    fn stock_is_none_only_where_it_never_runs_out() {
        let stock = |stock| item(row("1.00", "0.00", stock)).unwrap().stock;
        assert_eq!(stock(None), None);
        assert_eq!(stock(Some(0)), Some(0));
        assert_eq!(stock(Some(10)), Some(10));
        assert_eq!(stock(Some(i64::MAX)), Some(u32::MAX));
    }
}
