//! How tables are filled, and how those that were here before are left alone.

mod adopted;
mod growth;
mod reviewers;

use super::database::{Database, Snapshot, Store};
use super::shop::Shop;

/// Rows of the written catalog.
const WRITTEN: [(&str, usize); 6] = [
    ("department", 3),
    ("category", 7),
    ("product", 116),
    ("attribute", 2),
    ("attribute_value", 14),
    ("review", 64),
];

#[tokio::test]
async fn an_empty_catalog_is_filled_at_the_first_start_and_left_alone_at_the_second() {
    for store in Store::ALL {
        let database = Database::new(store);
        let shop = Shop::open(&database).await;
        for (table, count) in WRITTEN {
            assert_eq!(database.count(table).await, count, "{store:?}: {table}");
        }
        let products = shop.json("/products?limit=100").await;
        assert!(shop.node.stop().await);
        let before = kept(&database).await;

        let shop = Shop::open(&database).await;
        shop.assert_json("/products?limit=100", &products).await;
        assert!(shop.node.stop().await);
        let after = kept(&database).await;
        assert!(before == after, "{store:?}: the second start changed rows");
    }
}

/// Everything but when periodic work is done next.
async fn kept(database: &Database) -> Snapshot {
    let mut tables = database.snapshot().await;
    tables.remove("edge_schedule");
    tables
}

#[tokio::test]
async fn nothing_is_filled_where_that_is_switched_off() {
    for store in Store::ALL {
        let database = Database::new(store);
        let shop = Shop::open_with(&database, |settings| settings.seed = false).await;
        for (table, _) in WRITTEN {
            assert_eq!(database.count(table).await, 0, "{store:?}: {table}");
        }
        let nothing = serde_json::json!({ "count": 0, "rows": [] });
        for path in [
            "/products",
            "/categories",
            "/products/search?query_string=arc",
        ] {
            shop.assert_json(path, &nothing).await;
        }
    }
}
