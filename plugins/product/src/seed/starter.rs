//! Storing the starter catalog, as a whole or not at all. Everything is
//! numbered in the order in which it is written.

use std::collections::HashMap;

use edge_sdk::sql::{self, Timestamp};

use super::catalog::{Catalog, Product, Review, catalog};
use super::error::Error;
use super::rows::{Rows, row};
use super::tables;

/// The reviewers of the starter catalog are nobody's customers.
const NOBODY: i64 = 0;

/// Stores the catalog; its tables must be empty.
pub(super) fn store() -> Result<(), Error> {
    let rows = rows(&catalog()?)?;
    sql::transaction(|transaction| {
        rows.into_iter()
            .try_for_each(|rows| Ok(rows.store(transaction)?))
    })
}

/// Returns the rows of all tables.
fn rows(catalog: &Catalog) -> Result<Vec<Rows>, Error> {
    let ids = Ids::new(catalog);
    let mut rows = vec![departments(catalog), categories(catalog)];
    rows.extend(attributes(catalog));
    rows.extend(products(catalog, &ids)?);
    rows.push(reviews(&catalog.reviews, &ids)?);
    Ok(rows)
}

/// Ids of what the catalog refers to by name.
struct Ids<'a> {
    categories: HashMap<&'a str, i64>,
    values: HashMap<&'a str, i64>,
    products: HashMap<&'a str, i64>,
}

impl<'a> Ids<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let categories = catalog.categories().map(|category| category.name.as_str());
        let values = catalog
            .attributes
            .iter()
            .flat_map(|attribute| &attribute.values);
        let products = all_products(catalog).map(|(_, product)| product.name.as_str());
        Self {
            categories: categories.zip(1..).collect(),
            values: values.map(String::as_str).zip(1..).collect(),
            products: products.zip(1..).collect(),
        }
    }
}

fn id(ids: &HashMap<&str, i64>, name: &str) -> Result<i64, Error> {
    ids.get(name)
        .copied()
        .ok_or_else(|| Error::Unknown(name.to_owned()))
}

/// Returns all products, each with its home category.
fn all_products(catalog: &Catalog) -> impl Iterator<Item = (&str, &Product)> {
    catalog.categories().flat_map(|category| {
        let products = category.products.iter();
        products.map(|product| (category.name.as_str(), product))
    })
}

fn departments(catalog: &Catalog) -> Rows {
    let departments = (1_i64..).zip(&catalog.departments);
    let rows = departments.map(|(id, one)| row![id, one.name.as_str(), one.description.as_str()]);
    Rows {
        rows: rows.collect(),
        ..tables::department()
    }
}

fn categories(catalog: &Catalog) -> Rows {
    let departments = (1_i64..).zip(&catalog.departments);
    let categories = departments.flat_map(|(department, one)| {
        one.categories
            .iter()
            .map(move |category| (department, category))
    });
    let rows = (1_i64..).zip(categories).map(|(id, (department, one))| {
        row![id, department, one.name.as_str(), one.description.as_str()]
    });
    Rows {
        rows: rows.collect(),
        ..tables::category()
    }
}

fn attributes(catalog: &Catalog) -> [Rows; 2] {
    let mut attributes = tables::attribute();
    let mut values = tables::attribute_value();
    let mut value_ids = 1_i64..;
    for (id, attribute) in (1_i64..).zip(&catalog.attributes) {
        attributes.rows.push(row![id, attribute.name.as_str()]);
        for (value, value_id) in attribute.values.iter().zip(&mut value_ids) {
            values.rows.push(row![value_id, id, value.as_str()]);
        }
    }
    [attributes, values]
}

fn products(catalog: &Catalog, ids: &Ids<'_>) -> Result<[Rows; 3], Error> {
    let mut products = tables::product();
    let mut categories = tables::product_category();
    let mut values = tables::product_attribute();
    for (product, (home, one)) in (1_i64..).zip(all_products(catalog)) {
        products.rows.push(row![
            product,
            one.name.as_str(),
            one.description.as_str(),
            one.price.as_str(),
            one.discounted_price.as_deref().unwrap_or("0.00"),
            one.image.as_str(),
            one.image_2.as_str(),
            one.thumbnail.as_str(),
            one.display,
        ]);
        for category in one.also_in.iter().map(String::as_str).chain([home]) {
            categories
                .rows
                .push(row![product, id(&ids.categories, category)?]);
        }
        for value in one.sizes.iter().chain(&one.colours) {
            values.rows.push(row![product, id(&ids.values, value)?]);
        }
    }
    Ok([products, categories, values])
}

fn reviews(written: &[Review], ids: &Ids<'_>) -> Result<Rows, Error> {
    let mut reviews = tables::review();
    for one in written {
        reviews.rows.push(row![
            NOBODY,
            id(&ids.products, &one.product)?,
            one.name.as_str(),
            one.review.as_str(),
            one.rating,
            Timestamp(one.created_on.as_str()),
        ]);
    }
    Ok(reviews)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use edge_sdk::sql::Value;

    use super::*;

    fn written() -> Vec<Rows> {
        let catalog = catalog().map_err(Error::from);
        catalog
            .and_then(|catalog| rows(&catalog))
            .unwrap_or_default()
    }

    fn table<'a>(tables: &'a [Rows], name: &str) -> &'a [Vec<Value>] {
        tables
            .iter()
            .find(|rows| rows.table == name)
            .map_or(&[], |rows| &rows.rows)
    }

    #[test]
    fn every_row_has_a_value_for_each_column() {
        let tables = written();
        assert_eq!(tables.len(), 8);
        for rows in &tables {
            assert!(!rows.rows.is_empty(), "{}", rows.table);
            assert!(
                rows.rows.iter().all(|row| row.len() == rows.columns.len()),
                "{}",
                rows.table
            );
        }
    }

    #[test]
    fn no_product_is_linked_twice_to_the_same() {
        let tables = written();
        for name in ["product_category", "product_attribute"] {
            let links = table(&tables, name);
            let distinct: HashSet<_> = links.iter().map(|link| format!("{link:?}")).collect();
            assert_eq!(distinct.len(), links.len(), "{name}");
        }
    }

    #[test]
    fn every_product_has_a_home() {
        let tables = written();
        let linked: HashSet<_> = table(&tables, "product_category")
            .iter()
            .filter_map(|link| link.first())
            .map(|product| format!("{product:?}"))
            .collect();
        assert_eq!(linked.len(), table(&tables, "product").len());
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let Ok(mut catalog) = catalog() else {
            panic!("the written catalog is valid")
        };
        catalog
            .reviews
            .iter_mut()
            .for_each(|review| review.product.push('?'));
        assert!(matches!(rows(&catalog), Err(Error::Unknown(_))));
    }
}
