//! The search index follows what others write into the table of products.

use crate::catalog::database::{Database, Store};
use crate::catalog::shop::Shop;
use crate::harness::{TestNode, eventually, variant};
use crate::shop::Stores;

/// Periodic work that comes sooner.
const OFTEN: &str = "[[schedule]]\ntask = 'search'\nevery = '100ms'";

async fn open(database: &Database) -> TestNode {
    TestNode::start(&[variant("../product", OFTEN)], |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await
}

/// The ids of the products that a search finds.
async fn found(node: &TestNode, words: &str) -> (i64, Vec<i64>) {
    let path = format!("/products/search?query_string={words}&limit=100");
    let page = node.get(&path).await;
    page.assert_status(200);
    let page = page.json();
    let rows = page["rows"].as_array().expect("rows").iter();
    let ids = rows.map(|row| row["product_id"].as_i64().expect("an id"));
    (page["count"].as_i64().expect("a count"), ids.collect())
}

/// Waits until a search finds just these products.
async fn until_found(node: &TestNode, words: &str, expected: &[i64]) {
    let count = i64::try_from(expected.len()).expect("a few");
    eventually(&format!("{expected:?} for {words}"), async || {
        let found = found(node, words).await;
        (found == (count, expected.to_vec())).then_some(())
    })
    .await;
}

fn insert(id: i64, name: &str) -> String {
    format!(
        "INSERT INTO product (product_id, name, description, price) \
         VALUES ({id}, '{name}', 'Written in Zanzibar.', '11.00')"
    )
}

#[tokio::test]
async fn what_others_insert_rename_and_delete_is_found_as_it_is() {
    for stores in [
        Stores::new(Store::Sqlite),
        Stores::new(Store::MariaDb),
        Stores::on_mysql(),
    ] {
        let database = &stores.database;
        let node = open(database).await;
        let narwhal = insert(7000, "Narwhal T-Shirt");
        database.execute(&narwhal).await;
        until_found(&node, "narwhal", &[7000]).await;
        until_found(&node, "zanzibar", &[7000]).await;

        let rename = "UPDATE product SET name = 'Beluga T-Shirt' WHERE product_id = 7000";
        database.execute(rename).await;
        until_found(&node, "beluga", &[7000]).await;
        until_found(&node, "narwhal", &[]).await;
        let reworded = "UPDATE product SET description = 'By a quokka.' WHERE product_id = 7000";
        database.execute(reworded).await;
        until_found(&node, "quokka", &[7000]).await;
        until_found(&node, "zanzibar", &[]).await;
        // By case alone.
        let recased = "UPDATE product SET name = 'BELUGA t-shirt ' WHERE product_id = 7000";
        database.execute(recased).await;
        until_found(&node, "beluga", &[7000]).await;

        database
            .execute("DELETE FROM product WHERE product_id = 7000")
            .await;
        until_found(&node, "beluga", &[]).await;
        until_found(&node, "quokka", &[]).await;
        // The same id as another product.
        database.execute(&insert(7000, "Orca")).await;
        until_found(&node, "orca", &[7000]).await;
        until_found(&node, "beluga", &[]).await;
    }
}

/// What one piece of work corrects is bounded, and so is what it compares.
#[tokio::test]
async fn however_many_products_others_write_all_are_found() {
    for store in Store::ALL {
        let database = Database::new(store);
        let node = open(&database).await;
        let ids = |many: std::ops::Range<i64>| many.map(|id| 7000 + 700 * id);
        for chunk in [0..700, 700..1400] {
            let rows = ids(chunk).map(|id| format!("({id}, 'Krill', 'One of many.', '1.00')"));
            let rows = rows.collect::<Vec<_>>().join(", ");
            let columns = "product_id, name, description, price";
            database
                .execute(&format!("INSERT INTO product ({columns}) VALUES {rows}"))
                .await;
        }
        eventually("all of them", async || {
            (found(&node, "krill").await.0 == 1400).then_some(())
        })
        .await;
        let rename = "UPDATE product SET name = 'Plankton' WHERE product_id >= 7000";
        database.execute(rename).await;
        eventually("all of them", async || {
            let krill = found(&node, "krill").await.0;
            (krill == 0 && found(&node, "plankton").await.0 == 1400).then_some(())
        })
        .await;
        database
            .execute("DELETE FROM product WHERE product_id >= 7000")
            .await;
        eventually("none of them", async || {
            (found(&node, "plankton").await.0 == 0).then_some(())
        })
        .await;
        // Nothing is left in the index of what is gone.
        let state =
            "SELECT CONCAT('', product_id) FROM product_search_state WHERE product_id >= 7000";
        assert_eq!(database.texts(state).await, [""; 0], "{store:?}");
    }
}

/// An older release notes no texts. What it took in is taken in once more, as
/// it is by then.
#[tokio::test]
async fn what_an_older_release_took_in_is_followed_too() {
    for store in Store::ALL {
        let database = Database::new(store);
        assert!(Shop::open(&database).await.node.stop().await);
        for statement in [
            "UPDATE product_search_state SET name = NULL, description = NULL",
            "UPDATE product SET name = 'Narwhal' WHERE product_id = 1",
        ] {
            database.execute(statement).await;
        }
        let node = open(&database).await;
        until_found(&node, "narwhal", &[1]).await;
        let rename = "UPDATE product SET name = 'Beluga' WHERE product_id = 1";
        database.execute(rename).await;
        until_found(&node, "beluga", &[1]).await;
        until_found(&node, "narwhal", &[]).await;
    }
}

/// The texts of a table that has another character set are no others.
#[tokio::test]
async fn a_product_that_did_not_change_is_left_alone() {
    let sets = ["latin1", "utf8mb3", "utf8mb4"];
    for (server, make) in [
        (
            "MariaDB",
            (|| Stores::new(Store::MariaDb)) as fn() -> Stores,
        ),
        ("MySQL", Stores::on_mysql),
    ] {
        for set in sets {
            let stores = make();
            let database = &stores.database;
            let table = format!(
                "CREATE TABLE product (product_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
                 name VARCHAR(100) NOT NULL, description VARCHAR(1000), price DECIMAL(10, 2), \
                 discounted_price DECIMAL(10, 2), image VARCHAR(150), image_2 VARCHAR(150), \
                 thumbnail VARCHAR(150), display SMALLINT) DEFAULT CHARSET = {set}"
            );
            database.execute(&table).await;
            database.execute(&insert(12, "Café ''au'' Lait ")).await;
            let node = open(database).await;
            until_found(&node, "cafe", &[12]).await;
            database.execute(&insert(13, "Crème")).await;
            until_found(&node, "creme", &[13]).await;
            let turns = "SELECT CONCAT('', turns) FROM product_search_writer";
            let before = database.texts(turns).await;
            // Two more pieces of work.
            for id in [14, 15] {
                database.execute(&insert(id, &format!("Later {id}"))).await;
                until_found(&node, &id.to_string(), &[id]).await;
            }
            let after = database.texts(turns).await;
            let turns = |texts: &[String]| texts[0].parse::<u64>().expect("a number");
            assert_eq!(turns(&after) - turns(&before), 2, "{server}, {set}");
        }
    }
}

/// A merchant who changes a product that others have renamed meanwhile leaves
/// nothing of either name behind.
#[tokio::test]
async fn a_merchant_changes_what_others_renamed() {
    for store in Store::ALL {
        let stores = std::sync::Arc::new(Stores::new(store));
        let shop = crate::shop::Shop::open(stores, |_| {}).await;
        let merchant = shop.merchant().await;
        let database = &shop.stores.database;
        let product =
            serde_json::json!({ "name": "Narwhal", "description": "Rare.", "price": "11.00" });
        let made = merchant.success(&merchant.post("/admin/products", &product).await);
        let id = made["product_id"].as_i64().expect("an id");
        let rename = format!("UPDATE product SET name = 'Beluga' WHERE product_id = {id}");
        database.execute(&rename).await;
        let product =
            serde_json::json!({ "name": "Orca", "description": "Rare.", "price": "11.00" });
        let path = format!("/admin/products/{id}");
        merchant.success(&merchant.put(&path, &product).await);
        assert_eq!(found(&shop.node, "orca").await.1, [id], "{store:?}");
        for gone in ["narwhal", "beluga"] {
            assert_eq!(found(&shop.node, gone).await.0, 0, "{store:?}: {gone}");
        }
    }
}
