//! Reviews of an older shop, which knows their reviewers by ids alone.

use serde_json::Value;

use super::adopted::older_shop;
use crate::catalog::database::{Database, Store};
use crate::harness::{PluginFolder, TestNode, eventually, fixture, variant};

const PATH: &str = "/products/12/reviews?limit=100";

/// More customers than one piece of work names.
const CROWD: i64 = 230;

/// The catalog, whose periodic work comes sooner.
fn product() -> PluginFolder {
    let often = "[[schedule]]\ntask = 'reviewers'\nevery = '100ms'";
    variant("../product", often)
}

/// A node on the database, once it has begun with periodic work.
async fn start(database: &Database, plugins: &[PluginFolder]) -> TestNode {
    let node = TestNode::start(plugins, |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await;
    eventually("leases", async || {
        let tables = database.snapshot().await;
        tables.contains_key("edge_schedule").then_some(())
    })
    .await;
    node
}

/// A review of the product 40, or of 12.
async fn add_review(database: &Database, customer: i64, product: i64) {
    let time = match database.store {
        Store::Sqlite => "2018-05-06T07:08:09.000Z",
        Store::MariaDb => "2018-05-06 07:08:09",
    };
    let columns = "customer_id, product_id, review, rating, created_on";
    let values = format!("{customer}, {product}, 'By {customer}.', 4, '{time}'");
    let row = format!("INSERT INTO review ({columns}) VALUES ({values})");
    database.execute(&row).await;
}

/// Who wrote the review, as everybody sees it.
fn name_of(reviews: &Value, review: &str) -> String {
    let mut rows = reviews.as_array().expect("reviews").iter();
    let found = rows.find(|row| row["review"] == review);
    let name = found.and_then(|row| row["name"].as_str());
    name.unwrap_or_else(|| panic!("{review}: {reviews}"))
        .to_owned()
}

/// How many reviews have no reviewer.
async fn unnamed(database: &Database) -> usize {
    let rows = "SELECT review FROM review WHERE reviewer IS NULL";
    database.texts(rows).await.len()
}

/// When the catalog's periodic work comes next.
async fn next_run(database: &Database) -> Vec<String> {
    let cast = match database.store {
        Store::Sqlite => "CAST(next_at AS TEXT)",
        Store::MariaDb => "CAST(next_at AS CHAR)",
    };
    let rows = format!("SELECT {cast} FROM edge_schedule WHERE task = 'reviewers'");
    database.texts(&rows).await
}

/// Wait until the periodic work has been done once more, from its beginning.
async fn another_run(database: &Database) {
    for _ in ["the one that goes on", "the next"] {
        let before = next_run(database).await;
        eventually("periodic work", async || {
            (next_run(database).await != before).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn reviews_of_an_older_shop_get_the_names_that_the_customer_service_knows() {
    for store in Store::ALL {
        let database = older_shop(store).await;
        if store == Store::MariaDb {
            // A name that the table of reviews has no characters for.
            database
                .execute("ALTER TABLE customer CONVERT TO CHARACTER SET utf8mb4")
                .await;
        }
        let long = "長".repeat(50);
        let rows = format!(
            "INSERT INTO customer (customer_id, name, email) VALUES \
             (90, '山田', 'yamada@example.com'), (91, '{long}', 'long@example.com'), \
             (92, ' ', 'blank@example.com')"
        );
        database.execute(&rows).await;
        for customer in [90, 91, 92, 93, 0, -1] {
            add_review(&database, customer, 12).await;
        }
        add_review(&database, 90, 40).await;

        // Nobody to ask: nothing is written, and the work is tried again.
        let node = start(&database, &[product()]).await;
        for _ in 0..2 {
            another_run(&database).await;
        }
        assert_eq!(unnamed(&database).await, 8, "{store:?}");
        let reviews = node.get(PATH).await.json();
        assert_eq!(name_of(&reviews, "By 90."), "Anonymous", "{store:?}");
        assert!(node.stop().await);

        let node = start(&database, &[product(), fixture("../customer")]).await;
        eventually("names", async || {
            // Nobody's stay as they are.
            (unnamed(&database).await == 2).then_some(())
        })
        .await;
        let reviews = node.get(PATH).await.json();
        for (review, name) in [
            ("Très bien.", "Zoë Müller"),
            ("By 90.", "山田"),
            ("By 91.", &long),
            ("By 92.", "Anonymous"),
            ("By 93.", "Anonymous"),
            ("By 0.", "Anonymous"),
            ("By -1.", "Anonymous"),
        ] {
            assert_eq!(name_of(&reviews, review), name, "{store:?}");
        }
        let other = node.get("/products/40/reviews").await.json();
        assert_eq!(name_of(&other, "By 90."), "山田", "{store:?}");
    }
}

#[tokio::test]
async fn however_many_reviewers_an_older_shop_has_each_gets_a_name() {
    for store in Store::ALL {
        let database = older_shop(store).await;
        for customer in 100..100 + CROWD {
            let row = format!(
                "INSERT INTO customer (customer_id, name, email) VALUES \
                 ({customer}, 'Customer {customer}', 'c{customer}@example.com')"
            );
            database.execute(&row).await;
            add_review(&database, customer, 40).await;
        }
        let node = start(&database, &[product(), fixture("../customer")]).await;
        eventually("names", async || {
            (unnamed(&database).await == 0).then_some(())
        })
        .await;
        let named = "SELECT reviewer FROM review WHERE product_id = 40 ORDER BY customer_id";
        let expected: Vec<_> = (100..100 + CROWD)
            .map(|customer| format!("Customer {customer}"))
            .collect();
        assert_eq!(database.texts(named).await, expected, "{store:?}");

        // A customer who was renamed is not asked about again.
        let rename = "UPDATE customer SET name = 'Somebody else' WHERE customer_id = 100";
        database.execute(rename).await;
        another_run(&database).await;
        assert_eq!(database.texts(named).await, expected, "{store:?}");
        drop(node);
    }
}
