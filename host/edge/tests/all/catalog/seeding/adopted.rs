//! Tables that were here before: of an older shop, or filled by hand.

use serde_json::{Value, json};

use crate::catalog::database::{Database, Store};
use crate::catalog::shop::Shop;

/// What is particular to each kind of database in an older shop.
struct Dialect {
    key: &'static str,
    money: &'static str,
    time: &'static str,
    /// After the columns of a table that is searched.
    searched: &'static str,
    /// After the columns.
    table: &'static str,
}

impl Dialect {
    fn of(store: Store) -> Self {
        match store {
            Store::Sqlite => Self {
                key: "INTEGER PRIMARY KEY",
                money: "TEXT",
                time: "TEXT",
                searched: "",
                table: ")",
            },
            Store::MariaDb => Self {
                key: "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
                money: "NUMERIC(10, 2)",
                time: "DATETIME",
                searched: ", FULLTEXT KEY of_the_shop (name, description)",
                table: ") ENGINE = MyISAM DEFAULT CHARSET = latin1",
            },
        }
    }

    /// The tables of a shop as it was before there were nodes, with a few
    /// rows each.
    fn statements(&self) -> Vec<String> {
        let Self {
            key,
            money,
            time,
            searched,
            table,
            ..
        } = self;
        let mut statements = vec![
            format!(
                "CREATE TABLE department (department_id {key}, name VARCHAR(100) NOT NULL, description VARCHAR(1000) {table}"
            ),
            format!(
                "CREATE TABLE category (category_id {key}, department_id INT NOT NULL, name VARCHAR(100) NOT NULL, description VARCHAR(1000) {table}"
            ),
            format!(
                "CREATE TABLE product (product_id {key}, name VARCHAR(100) NOT NULL, description VARCHAR(1000) NOT NULL, \
                 price {money} NOT NULL, discounted_price {money} NOT NULL DEFAULT '0.00', image VARCHAR(150), \
                 image_2 VARCHAR(150), thumbnail VARCHAR(150), display SMALLINT NOT NULL DEFAULT 0 {searched} {table}"
            ),
            format!(
                "CREATE TABLE product_category (product_id INT NOT NULL, category_id INT NOT NULL, PRIMARY KEY (product_id, category_id) {table}"
            ),
            format!(
                "CREATE TABLE review (review_id {key}, customer_id INT NOT NULL, product_id INT NOT NULL, \
                 review TEXT NOT NULL, rating SMALLINT NOT NULL, created_on {time} NOT NULL {table}"
            ),
            format!(
                "CREATE TABLE customer (customer_id {key}, name VARCHAR(50) NOT NULL, email VARCHAR(100) NOT NULL, \
                 password VARCHAR(50) NOT NULL DEFAULT '', credit_card TEXT, address_1 VARCHAR(100), \
                 address_2 VARCHAR(100), city VARCHAR(100), region VARCHAR(100), postal_code VARCHAR(100), \
                 country VARCHAR(100), shipping_region_id INT NOT NULL DEFAULT 1, day_phone VARCHAR(100), \
                 eve_phone VARCHAR(100), mob_phone VARCHAR(100) {table}"
            ),
            format!(
                "CREATE TABLE shopping_cart (item_id {key}, cart_id CHAR(32) NOT NULL, product_id INT NOT NULL {table}"
            ),
        ];
        statements.extend(ROWS.map(str::to_owned));
        let created = match *time {
            "TEXT" => "2019-07-21T08:56:02.000Z",
            _ => "2019-07-21 08:56:02",
        };
        statements.push(format!(
            "INSERT INTO review (review_id, customer_id, product_id, review, rating, created_on) \
             VALUES (5, 3, 12, 'Très bien.', 4, '{created}')"
        ));
        statements
    }
}

const ROWS: [&str; 6] = [
    "INSERT INTO department (department_id, name, description) VALUES (4, 'Regional', NULL)",
    "INSERT INTO category (category_id, department_id, name, description) VALUES (9, 4, 'French', '')",
    "INSERT INTO product (product_id, name, description, price, discounted_price, image) VALUES \
     (12, 'Café au Lait', 'A bowl, not a cup.', '14.99', '0.00', 'lait.gif'), \
     (40, 'Mistral', 'The wind of the Rhône, on a t-shirt.', '16.50', '9.05', NULL)",
    "INSERT INTO product_category (product_id, category_id) VALUES (12, 9), (40, 9)",
    "INSERT INTO customer (customer_id, name, email) VALUES (3, 'Zoë Müller', 'zoe@example.com')",
    "INSERT INTO shopping_cart (item_id, cart_id, product_id) VALUES (1, 'abc', 40)",
];

const OF_THE_CATALOG: [&str; 5] = [
    "department",
    "category",
    "product",
    "product_category",
    "review",
];

/// The names of columns that come with their types.
fn names(columns: &[String]) -> Vec<&str> {
    let mut names = Vec::new();
    for column in columns {
        names.extend(column.split(' ').next());
    }
    names
}

/// Tables that get columns of ours.
const EXTENDED: [&str; 2] = ["product", "review"];

const OF_OTHERS: [&str; 2] = ["customer", "shopping_cart"];

pub(super) async fn older_shop(store: Store) -> Database {
    let database = Database::new(store);
    for statement in Dialect::of(store).statements() {
        database.execute(&statement).await;
    }
    database
}

#[tokio::test]
async fn the_tables_of_an_older_shop_are_only_added_to() {
    for store in Store::ALL {
        let database = older_shop(store).await;
        let mut before = Vec::new();
        for table in OF_THE_CATALOG.into_iter().chain(OF_OTHERS) {
            let columns = database.columns(table).await;
            let rows = database.rows_of(table, &columns).await;
            before.push((table, columns, rows));
        }
        for _ in ["the first start", "the second start"] {
            let shop = Shop::open(&database).await;
            assert!(shop.node.stop().await);
            for (table, columns, rows) in &before {
                let now = database.columns(table).await;
                let is_same = now == *columns;
                assert!(
                    is_same || OF_THE_CATALOG.contains(table),
                    "{store:?}: {table}: {now:?}"
                );
                let is_longer = now.len() > columns.len();
                assert!(
                    !is_longer || EXTENDED.contains(table),
                    "{store:?}: {table}: {now:?}"
                );
                assert!(
                    names(&now).starts_with(&names(columns)),
                    "{store:?}: {table}: {now:?}"
                );
                // Whatever is written there from now on may have any character.
                if OF_THE_CATALOG.contains(table) {
                    let lacking = |column: &&String| column.contains("latin1");
                    assert_eq!(now.iter().find(lacking), None, "{store:?}: {table}");
                }
                let kept = database.rows_of(table, columns).await;
                assert_eq!(&kept, rows, "{store:?}: {table}");
            }
        }
    }
}

#[tokio::test]
async fn an_older_shop_is_served_and_searched() {
    for store in Store::ALL {
        let database = older_shop(store).await;
        let shop = Shop::open(&database).await;
        let bowl = json!({
            "product_id": 12, "name": "Café au Lait", "description": "A bowl, not a cup.",
            "price": "14.99", "discounted_price": "0.00", "thumbnail": null,
        });
        let wind = json!({
            "product_id": 40, "name": "Mistral",
            "description": "The wind of the Rhône, on a t-shirt.",
            "price": "16.50", "discounted_price": "9.05", "thumbnail": null,
        });
        let list = |rows: &[&Value]| json!({ "count": rows.len(), "rows": rows });
        let both = list(&[&bowl, &wind]);
        for path in [
            "/products",
            "/products/inCategory/9",
            "/products/inDepartment/4",
        ] {
            shop.assert_json(path, &both).await;
        }
        let department = json!([{ "department_id": 4, "name": "Regional", "description": null }]);
        shop.assert_json("/departments", &department).await;
        shop.assert_json("/attributes", &json!([])).await;
        shop.assert_json("/attributes/inProduct/12", &json!([]))
            .await;
        let review = json!([{
            "name": "Anonymous", "review": "Très bien.", "rating": 4,
            "created_on": "2019-07-21T08:56:02.000Z",
        }]);
        shop.assert_json("/products/12/reviews", &review).await;
        for (query, found) in [("cafe", &bowl), ("rhone", &wind), ("t-shirt", &wind)] {
            let path = format!("/products/search?query_string={query}");
            shop.assert_json(&path, &list(&[found])).await;
        }
        shop.assert_json("/products/search?query_string=arc", &list(&[]))
            .await;
    }
}

/// Customer 0 is nobody, and may be many.
#[tokio::test]
async fn of_what_a_customer_said_twice_the_newest_is_shown() {
    for store in Store::ALL {
        let database = older_shop(store).await;
        let said = [
            (3, "The newest.", 2021),
            (3, "The middle.", 2020),
            (3, "The oldest.", 2019),
            (0, "Nobody's.", 2018),
            (0, "Another nobody's.", 2017),
            (8, "At the same time.", 2016),
            (8, "And a moment later.", 2016),
        ];
        for (customer, review, year) in said {
            let time = match store {
                Store::Sqlite => format!("{year}-05-06T07:08:09.000Z"),
                Store::MariaDb => format!("{year}-05-06 07:08:09"),
            };
            let review = review.replace('\'', "''");
            let row = format!(
                "INSERT INTO review (customer_id, product_id, review, rating, created_on) \
                 VALUES ({customer}, 40, '{review}', 4, '{time}')"
            );
            database.execute(&row).await;
        }
        let before = database.count("review").await;
        let shop = Shop::open(&database).await;
        let reviews = shop.json("/products/40/reviews").await;
        let shown = reviews.as_array().expect("reviews").iter();
        let shown: Vec<_> = shown.filter_map(|row| row["review"].as_str()).collect();
        let expected = [
            "The newest.",
            "Nobody's.",
            "Another nobody's.",
            "And a moment later.",
        ];
        assert_eq!(shown, expected, "{store:?}");
        assert_eq!(database.count("review").await, before, "{store:?}");
    }
}

#[tokio::test]
async fn a_catalog_that_was_begun_gets_no_starter_rows() {
    for store in Store::ALL {
        let database = Database::new(store);
        assert!(Shop::open(&database).await.node.stop().await);
        for table in [
            "product",
            "product_category",
            "category",
            "review",
            "product_attribute",
        ] {
            database.execute(&format!("DELETE FROM {table}")).await;
        }
        for table in ["attribute", "attribute_value"] {
            database.execute(&format!("DELETE FROM {table}")).await;
        }
        let shop = Shop::open(&database).await;
        let nothing = json!({ "count": 0, "rows": [] });
        shop.assert_json("/products", &nothing).await;
        shop.assert_json("/categories", &nothing).await;
        let departments = shop.json("/departments").await;
        assert_eq!(departments.as_array().map(Vec::len), Some(3), "{store:?}");
    }
}

#[tokio::test]
async fn a_product_put_in_by_hand_is_found_after_the_next_start() {
    for store in Store::ALL {
        let database = Database::new(store);
        assert!(Shop::open(&database).await.node.stop().await);
        database
            .execute(
                "INSERT INTO product (product_id, name, description, price) \
                 VALUES (7000, 'Arc of a Narwhal', 'Rare.', '11.00')",
            )
            .await;
        let shop = Shop::open(&database).await;
        let page = shop.json("/products/search?query_string=arc").await;
        let rows = page["rows"].as_array().expect("rows").iter();
        let names: Vec<_> = rows
            .map(|row| row["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(
            names[..2],
            ["Arc d'Triomphe", "Arc of a Narwhal"],
            "{store:?}"
        );
        let page = shop.json("/products/search?query_string=narwhal").await;
        assert_eq!(page["rows"][0]["product_id"], 7000, "{store:?}");
    }
}
