//! Storing generated products, some at a time.

use edge_sdk::sql::{self, Transaction};

use super::generator::{Draft, draft};
use super::rows::{Rows, row};
use super::tables;
use edge_sdk::money::Cents;

/// Products that one step stores.
const STEP: u64 = 2048;

/// Selects the highest id of a product, 0 without one.
const LAST_PRODUCT: &str = "SELECT COALESCE(MAX(product_id), 0) FROM product";

/// Selects all categories, by id alone.
const CATEGORIES: &str = "SELECT category_id FROM category ORDER BY category_id";

/// Selects all values of all attributes, by id alone.
const VALUES: &str = "SELECT attribute_value_id FROM attribute_value ORDER BY attribute_value_id";

/// Stores as many products as are missing, or as one step stores.
pub(super) fn store(missing: u64) -> Result<(), sql::Error> {
    sql::transaction(|transaction| {
        let shop = Shop::read(transaction)?;
        let last: u64 = transaction.query(LAST_PRODUCT).fetch_one()?;
        let ids = last + 1..=last + missing.min(STEP);
        let rows = shop.rows(ids.map(|id| (id.cast_signed(), draft(id))));
        rows.into_iter()
            .try_for_each(|rows| rows.store(transaction))
    })
}

/// Rows that products are linked to. A shop that is not ours may have fewer
/// categories or values than the drafts count on.
struct Shop {
    categories: Vec<i64>,
    values: Vec<i64>,
}

impl Shop {
    fn read(transaction: &Transaction) -> Result<Self, sql::Error> {
        Ok(Self {
            categories: transaction.query(CATEGORIES).fetch_all()?,
            values: transaction.query(VALUES).fetch_all()?,
        })
    }

    fn rows(&self, drafts: impl Iterator<Item = (i64, Draft)>) -> [Rows; 3] {
        let mut products = tables::product();
        let mut categories = tables::product_category();
        let mut values = tables::product_attribute();
        for (id, draft) in drafts {
            let category = self.categories.get(draft.category);
            categories
                .rows
                .extend(category.map(|&category| row![id, category]));
            let offered = draft
                .attribute_values
                .iter()
                .filter_map(|&value| self.values.get(value));
            values.rows.extend(offered.map(|&value| row![id, value]));
            products.rows.push(row![
                id,
                draft.name,
                draft.description,
                Cents(draft.price_cents.into()),
                Cents(draft.discounted_cents.into()),
                draft.image,
                draft.image_2,
                draft.thumbnail,
                draft.display,
            ]);
        }
        [products, categories, values]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_value_for_each_column() {
        let shop = Shop {
            categories: (1..=7).collect(),
            values: (1..=14).collect(),
        };
        for rows in shop.rows((1_i64..=100).map(|id| (id, draft(id.cast_unsigned())))) {
            assert!(rows.rows.len() >= 100, "{}", rows.table);
            assert!(
                rows.rows.iter().all(|row| row.len() == rows.columns.len()),
                "{}",
                rows.table
            );
        }
    }

    #[test]
    fn a_shop_without_categories_gets_products_without() {
        let shop = Shop {
            categories: Vec::new(),
            values: vec![1],
        };
        let [products, categories, _] =
            shop.rows((1_i64..=9).map(|id| (id, draft(id.cast_unsigned()))));
        assert_eq!((products.rows.len(), categories.rows.len()), (9, 0));
    }
}
