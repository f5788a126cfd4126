//! Growing to any number of products, for tests of scale.

use edge::config::Settings;
use edge::node;

use crate::catalog::database::{Database, Snapshot};
use crate::catalog::shop::{Shop, plugin};
use crate::harness::data_folder;

/// Products to grow to.
const GOAL: u64 = 1500;

/// Let the plugin fill its tables up to `goal` products, as `edge seed` does,
/// and return how far it said it was, of how much, after each step.
async fn seed(database: &Database, goal: u64) -> Vec<(u64, u64)> {
    let data = data_folder();
    let plugin = plugin();
    let mut settings = Settings::defaults(data.path()).expect("the defaults are valid");
    settings.plugins = vec![plugin.path().to_owned()];
    settings.database_url.clone_from(&database.url);
    let loaded = node::load(&settings).await.expect("the plugin loads");
    let mut reports = Vec::new();
    for release in loaded.releases() {
        let report = |done, total| reports.push((done, total));
        release
            .seed(Some(goal), report)
            .await
            .expect("it is filled");
        release.database.as_ref().expect("it has one").close().await;
    }
    reports
}

async fn assert_products(database: &Database, products: u64) -> Snapshot {
    for table in ["product", "product_search_state"] {
        let count = database.count(table).await as u64;
        assert_eq!(count, products, "{:?}: {table}", database.store);
    }
    database.snapshot().await
}

#[tokio::test]
async fn a_catalog_grows_to_just_so_many_products() {
    let mut pages = Vec::new();
    for database in Database::both() {
        let reports = seed(&database, GOAL).await;
        assert!(reports.is_sorted(), "{reports:?}");
        let (last, before) = reports.split_last().expect("there were steps");
        assert_eq!(last.0, last.1, "{reports:?}");
        assert!(
            before.iter().all(|(done, total)| done < total),
            "{reports:?}"
        );
        let grown = assert_products(&database, GOAL).await;
        for goal in [GOAL, 10, 0] {
            seed(&database, goal).await;
            let now = assert_products(&database, GOAL).await;
            assert!(now == grown, "{:?}: {goal} changed rows", database.store);
        }
        pages.push(grown_pages(&Shop::open(&database).await).await);

        seed(&database, GOAL + 1).await;
        assert_products(&database, GOAL + 1).await;
    }
    let [one, other] = pages.as_slice() else {
        panic!("two kinds of database");
    };
    assert_eq!(one, other);
}

/// Check a grown shop, and return what it says.
async fn grown_pages(shop: &Shop) -> Vec<serde_json::Value> {
    let last = shop.json(&format!("/products?page={}&limit=1", GOAL)).await;
    assert_eq!(last["count"], GOAL, "{:?}", shop.store);
    let last = &last["rows"][0];
    let name = last["name"].as_str().expect("a name");
    let query = crate::catalog::shop::encoded(&format!("\"{name}\""));
    let found = shop
        .json(&format!("/products/search?query_string={query}&limit=100"))
        .await;
    let mut rows = found["rows"].as_array().expect("rows").iter();
    assert!(
        rows.any(|row| row["product_id"] == last["product_id"]),
        "{:?}: {name}",
        shop.store
    );

    let arc = shop.json("/products/search?query_string=arc").await;
    assert_eq!(arc["rows"][0]["name"], "Arc d'Triomphe", "{:?}", shop.store);
    let shirts = shop
        .json("/products/search?query_string=shirt&limit=100")
        .await;
    let count = shirts["count"].as_u64().expect("a count");
    assert!((200..GOAL).contains(&count), "{:?}: {count}", shop.store);
    vec![found, arc, shirts]
}
