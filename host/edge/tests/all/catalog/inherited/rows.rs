//! Rows as older shops have them: one that is odd never costs a whole list.

use serde_json::{Value, json};

use crate::catalog::database::{Database, Store};
use crate::catalog::shop::Shop;

/// The tables of an older shop, with every column of ours and no rule about it.
fn tables(store: Store, money: &str) -> Vec<String> {
    let (key, rest) = match store {
        Store::Sqlite => ("INTEGER PRIMARY KEY", ""),
        Store::MariaDb => (
            "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "ENGINE = MyISAM DEFAULT CHARSET = latin1",
        ),
    };
    let tables = [
        format!("department (department_id {key}, name VARCHAR(255), description TEXT)"),
        format!(
            "category (category_id {key}, department_id INT, name VARCHAR(255), description TEXT)"
        ),
        format!(
            "product (product_id {key}, name VARCHAR(255), description TEXT, price {money}, \
             discounted_price {money}, image VARCHAR(150), image_2 BLOB, thumbnail VARCHAR(150), \
             display VARCHAR(10))"
        ),
        "product_category (product_id INT NOT NULL, category_id INT NOT NULL, \
         PRIMARY KEY (product_id, category_id))"
            .to_owned(),
        format!("attribute (attribute_id {key}, name VARCHAR(255))"),
        format!("attribute_value (attribute_value_id {key}, attribute_id INT, value VARCHAR(255))"),
        "product_attribute (product_id INT NOT NULL, attribute_value_id INT NOT NULL, \
         PRIMARY KEY (product_id, attribute_value_id))"
            .to_owned(),
        format!(
            "review (review_id {key}, customer_id INT, product_id INT NOT NULL, review TEXT, \
             rating VARCHAR(5), created_on DATETIME)"
        ),
    ];
    tables
        .iter()
        .map(|table| format!("CREATE TABLE {table} {rest}"))
        .collect()
}

const ROWS: [&str; 8] = [
    "INSERT INTO department VALUES (1, 'Regional', 'From the regions.'), (2, NULL, NULL)",
    // One without a department, one whose department is gone.
    "INSERT INTO category VALUES (1, 1, 'French', NULL), (2, NULL, 'Nowhere', NULL), \
     (3, 99, 'Lost', NULL), (4, 1, NULL, NULL)",
    "INSERT INTO product VALUES \
     (1, 'Mistral', 'The wind.', 14.99, 9.05, 'm.gif', 'm2.gif', 'mt.gif', '2'), \
     (2, 'Priceless', 'No price.', NULL, 5.00, NULL, NULL, NULL, NULL), \
     (3, NULL, NULL, 16.5, NULL, NULL, NULL, NULL, '')",
    // Product 77 is gone.
    "INSERT INTO product_category VALUES (1, 1), (2, 1), (3, 1), (77, 1), (1, 3), (1, 88)",
    "INSERT INTO attribute VALUES (1, 'Size'), (2, NULL)",
    "INSERT INTO attribute_value VALUES (1, 1, 'L'), (2, 1, NULL), (3, 99, 'lost')",
    "INSERT INTO product_attribute VALUES (1, 1), (1, 2), (1, 3), (1, 99)",
    "INSERT INTO review VALUES \
     (1, 3, 1, 'Good.', '5', '2019-07-21 08:56:02'), \
     (2, NULL, 1, 'Nobody says so.', '4', '0000-00-00 00:00:00'), \
     (3, 4, 1, NULL, NULL, NULL), (4, 5, 2, 'First.', '1', NULL), (5, 5, 2, 'Second.', '2', NULL)",
];

/// What makes such tables and rows. An empty text is no number: SQLite, whose
/// columns have no types, has NULL there.
pub fn statements(store: Store, money: &str) -> Vec<String> {
    let rows = ROWS.map(|statement| statement.replace(", '')", ", '0')"));
    tables(store, money).into_iter().chain(rows).collect()
}

/// A catalog with such tables and rows.
async fn inherited(store: Store, money: &str) -> Database {
    let database = Database::new(store);
    for statement in statements(store, money) {
        database.execute(&statement).await;
    }
    database
}

fn mistral() -> Value {
    json!({
        "product_id": 1, "name": "Mistral", "description": "The wind.",
        "price": "14.99", "discounted_price": "9.05", "thumbnail": "mt.gif",
    })
}

fn priceless() -> Value {
    json!({
        "product_id": 2, "name": "Priceless", "description": "No price.",
        "price": null, "discounted_price": "5.00", "thumbnail": null,
    })
}

fn nameless() -> Value {
    json!({
        "product_id": 3, "name": "", "description": "",
        "price": "16.50", "discounted_price": "0.00", "thumbnail": null,
    })
}

fn list(rows: &[Value]) -> Value {
    json!({ "count": rows.len(), "rows": rows })
}

#[tokio::test]
async fn every_list_has_its_good_rows_and_what_can_be_said_of_the_others() {
    for store in Store::ALL {
        let database = inherited(store, "FLOAT").await;
        let shop = Shop::open(&database).await;
        let all = list(&[mistral(), priceless(), nameless()]);
        for path in [
            "/products",
            "/products/inCategory/1",
            "/products/inDepartment/1",
        ] {
            shop.assert_json(path, &all).await;
        }
        shop.assert_json("/products/inCategory/3", &list(&[mistral()]))
            .await;
        let found = list(&[priceless()]);
        shop.assert_json("/products/search?query_string=priceless", &found)
            .await;
        for (path, expected) in lists() {
            shop.assert_json(path, &expected).await;
        }
        // Of two of one customer without a time, the last one written.
        let reviews = shop.json("/products/2/reviews").await;
        assert_eq!(
            reviews.as_array().map(Vec::len),
            Some(1),
            "{store:?}: {reviews}"
        );
        assert_eq!(reviews[0]["review"], "Second.", "{store:?}");
        let categories = shop.json("/categories").await;
        assert_eq!(categories["count"], 4, "{store:?}");
        let nowhere = json!({
            "category_id": 2, "name": "Nowhere", "description": null, "department_id": null,
        });
        assert_eq!(categories["rows"][1], nowhere, "{store:?}");
    }
}

/// Answers that are plain arrays.
fn lists() -> [(&'static str, Value); 8] {
    [
        (
            "/departments",
            json!([
                { "department_id": 1, "name": "Regional", "description": "From the regions." },
                { "department_id": 2, "name": "", "description": null },
            ]),
        ),
        (
            "/categories/inDepartment/1",
            json!([
                { "category_id": 1, "name": "French", "description": null, "department_id": 1 },
                { "category_id": 4, "name": "", "description": null, "department_id": 1 },
            ]),
        ),
        (
            "/categories/inProduct/1",
            json!([
                { "category_id": 1, "department_id": 1, "name": "French" },
                { "category_id": 3, "department_id": 99, "name": "Lost" },
            ]),
        ),
        (
            "/products/1/locations",
            json!([{
                "category_id": 1, "category_name": "French",
                "department_id": 1, "department_name": "Regional",
            }]),
        ),
        (
            "/attributes",
            json!([
                { "attribute_id": 1, "name": "Size" },
                { "attribute_id": 2, "name": "" },
            ]),
        ),
        (
            "/attributes/values/1",
            json!([
                { "attribute_value_id": 1, "value": "L" },
                { "attribute_value_id": 2, "value": "" },
            ]),
        ),
        (
            "/attributes/inProduct/1",
            json!([
                { "attribute_name": "Size", "attribute_value_id": 1, "attribute_value": "L" },
                { "attribute_name": "Size", "attribute_value_id": 2, "attribute_value": "" },
            ]),
        ),
        (
            "/products/1/reviews",
            json!([
                {
                    "name": "Anonymous", "review": "Good.", "rating": 5,
                    "created_on": "2019-07-21T08:56:02.000Z",
                },
                {
                    "name": "Anonymous", "review": "Nobody says so.", "rating": 4,
                    "created_on": null,
                },
                { "name": "Anonymous", "review": "", "rating": null, "created_on": null },
            ]),
        ),
    ]
}

#[tokio::test]
async fn every_single_row_is_answered() {
    for store in Store::ALL {
        let database = inherited(store, "FLOAT").await;
        let shop = Shop::open(&database).await;
        let product = shop.json("/products/1").await;
        assert_eq!(product["price"], "14.99", "{store:?}");
        assert_eq!(product["image_2"], "m2.gif", "{store:?}");
        assert_eq!(product["display"], 2, "{store:?}");
        let priceless = shop.json("/products/2").await;
        assert_eq!(priceless["price"], Value::Null, "{store:?}");
        assert_eq!(priceless["display"], 0, "{store:?}");
        for path in [
            "/products/2/details",
            "/products/3",
            "/products/3/details",
            "/departments/2",
            "/categories/2",
            "/categories/4",
            "/attributes/2",
        ] {
            shop.json(path).await;
        }
    }
}

/// Whoever writes prices as text writes what is no price, too: later, since rows
/// that are there when the shop is taken over are in its way.
#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_of_lists_and_nothing_else_is() {
    for store in Store::ALL {
        let database = inherited(store, "VARCHAR(20)").await;
        let shop = Shop::open(&database).await;
        for row in [
            "(4, 'Free', 'Free of charge.', 'free', '0', NULL, NULL, NULL, '0')",
            "(5, 'Exact', 'Four decimals.', '14.9950', '', NULL, NULL, NULL, '1')",
            "(6, 'Odd', 'An odd place.', '3', '0', NULL, NULL, NULL, 'first')",
        ] {
            let insert = format!(
                "INSERT INTO product (product_id, name, description, price, discounted_price, \
                 image, image_2, thumbnail, display) VALUES {row}"
            );
            let insert = insert.replace(", '', ", ", NULL, ");
            database.execute(&insert).await;
        }
        let exact = json!({
            "product_id": 5, "name": "Exact", "description": "Four decimals.",
            "price": "15.00", "discounted_price": "0.00", "thumbnail": null,
        });
        // Its place is not in lists.
        let odd = json!({
            "product_id": 6, "name": "Odd", "description": "An odd place.",
            "price": "3.00", "discounted_price": "0.00", "thumbnail": null,
        });
        let all = shop.json("/products").await;
        let expected = json!([mistral(), priceless(), nameless(), exact, odd]);
        assert_eq!(all["rows"], expected, "{store:?}");
        for path in ["/products/4", "/products/4/details", "/products/6"] {
            assert_eq!(shop.get(path).await.status, 404, "{store:?}: {path}");
        }
        shop.json("/products/6/details").await;
    }
}
