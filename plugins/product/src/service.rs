//! The exports of the component: `shop:catalog/catalog` and
//! `shop:catalog/prices`, what other services ask of products.

use std::collections::BTreeMap;

use edge_sdk::money::Cents;
use edge_sdk::sql::{self, Error as SqlError, column};
use serde::Deserialize;

use crate::bindings::exports::shop::catalog::catalog::{Error, Guest, Item, Line, ReserveError};
use crate::bindings::exports::shop::catalog::prices;
use crate::money;
use crate::reservations::{self, Refusal};
use crate::statement::{bind_all, padded, placeholders};

/// Numbers of products that one statement fetches.
pub const ITEMS: [usize; 3] = [1, 10, 100];

/// The type that implements the exported interfaces.
#[derive(Debug)]
pub struct Exports;

edge_sdk::export_service!(Exports, crate::bindings);

impl Guest for Exports {
    fn find(product_ids: Vec<i64>) -> Result<Vec<Option<Item>>, Error> {
        find(&product_ids).map_err(|error| Error::Unavailable(error.to_string()))
    }

    fn reserve(reservation: String, lines: Vec<Line>) -> Result<(), ReserveError> {
        let pieces = lines.iter().map(|line| (line.product_id, line.quantity));
        reservations::reserve(&reservation, pieces).map_err(ReserveError::from)
    }

    fn release(reservation: String) -> Result<(), Error> {
        let released = reservations::release(&reservation);
        released.map_err(|error| Error::Unavailable(error.to_string()))
    }
}

impl From<Refusal> for ReserveError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SoldOut(product) => Self::SoldOut(product),
            Refusal::Released => Self::Released,
            Refusal::Name | Refusal::Sql(_) => Self::Unavailable(refusal.to_string()),
        }
    }
}

impl prices::Guest for Exports {
    fn missing(product_ids: Vec<i64>) -> Result<Vec<i64>, prices::Error> {
        let missing = unpriced(&product_ids);
        missing.map_err(|error| prices::Error::Unavailable(error.to_string()))
    }
}

/// Returns the statement for products by their ids.
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
    #[serde(deserialize_with = "column::text")]
    name: String,
    #[serde(deserialize_with = "column::optional_text")]
    image: Option<String>,
    #[serde(deserialize_with = "column::optional_money")]
    price: Option<Cents>,
    #[serde(deserialize_with = "column::money_or_zero")]
    discounted_price: Cents,
    #[serde(deserialize_with = "column::optional_integer")]
    stock: Option<i64>,
}

/// Returns one entry for each id, in the order asked: none for an unknown id,
/// and for a product that has no price and so is not sold.
fn find(ids: &[i64]) -> Result<Vec<Option<Item>>, SqlError> {
    let items = rows(ids)?.into_iter().filter_map(item);
    let items: BTreeMap<_, _> = items.map(|item| (item.product_id, item)).collect();
    Ok(ids.iter().map(|id| items.get(id).cloned()).collect())
}

/// Returns those of these products that are there and have no price.
fn unpriced(ids: &[i64]) -> Result<Vec<i64>, SqlError> {
    let rows = rows(ids)?.into_iter();
    let unpriced = rows.filter(|row| row.price.is_none());
    Ok(unpriced.map(|row| row.product_id).collect())
}

fn rows(ids: &[i64]) -> Result<Vec<Row>, SqlError> {
    let most = ITEMS.into_iter().max().unwrap_or(1);
    let mut rows = Vec::new();
    for ids in ids.chunks(most) {
        let shape = ITEMS.into_iter().find(|&shape| shape >= ids.len());
        let shape = shape.unwrap_or(ids.len());
        let text = items_text(shape);
        let query = bind_all(sql::query(&text), padded(ids, shape));
        let found = query.readable_rows::<Row>("product", "product_id")?;
        rows.extend(found.into_vec());
    }
    Ok(rows)
}

fn item(row: Row) -> Option<Item> {
    Some(Item {
        price: money::effective(row.price?.0, row.discounted_price.0),
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

    fn row(price: Option<u64>, discounted_price: u64, stock: Option<i64>) -> Row {
        Row {
            product_id: 7,
            name: "Arc d'Triomphe".to_owned(),
            image: Some("arc.gif".to_owned()),
            price: price.map(Cents),
            discounted_price: Cents(discounted_price),
            stock,
        }
    }

    #[test]
    fn the_price_is_what_a_customer_pays() {
        for (price, discounted_price, expected) in [
            (Some(1695), 1395, Some(1395)),
            (Some(1695), 0, Some(1695)),
            (Some(0), 0, Some(0)),
            (None, 0, None),
            // What it is a discount from is not known.
            (None, 1395, None),
        ] {
            let item = item(row(price, discounted_price, None));
            assert_eq!(item.map(|item| item.price), expected);
        }
    }

    #[test]
    fn stock_is_none_only_where_it_never_runs_out() {
        let stock = |stock| item(row(Some(100), 0, stock)).unwrap().stock;
        assert_eq!(stock(None), None);
        assert_eq!(stock(Some(0)), Some(0));
        assert_eq!(stock(Some(10)), Some(10));
        assert_eq!(stock(Some(i64::MAX)), Some(u32::MAX));
    }

    #[test]
    fn others_are_told_which_product_is_sold_out() {
        let told = |refusal: Refusal| ReserveError::from(refusal);
        assert!(matches!(
            told(Refusal::SoldOut(7)),
            ReserveError::SoldOut(7)
        ));
        assert!(matches!(told(Refusal::Released), ReserveError::Released));
        assert!(matches!(told(Refusal::Name), ReserveError::Unavailable(_)));
        let lost = Refusal::Sql(SqlError::Timeout);
        assert!(matches!(told(lost), ReserveError::Unavailable(_)));
    }
}
