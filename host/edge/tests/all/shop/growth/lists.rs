//! Lists that grow with what customers order and merchants write.

use super::{WIDE, insert, next, pages};
use crate::catalog::database::{Database, Store};
use crate::shop::Shop;

/// More rows than any page has, and than one call of a database may return.
const MANY: usize = 5100;

/// A time as each database keeps it.
fn time(database: &Database) -> &'static str {
    match database.store {
        Store::Sqlite => "2024-05-06T07:08:09.000Z",
        Store::MariaDb => "2024-05-06 07:08:09",
    }
}

#[tokio::test]
async fn however_much_was_ordered_orders_and_their_lines_are_read() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        let mut customer = shop.guest();
        let id = customer.register().await["customer"]["customer_id"].clone();
        let time = time(database);
        let rows = (1..=1200).map(|_| format!("({id}, '{time}', '1.00', 1)"));
        insert(
            database,
            "orders (customer_id, created_on, total_amount, status)",
            rows,
        )
        .await;
        let lengths = pages(&customer, "/orders/inCustomer").await;
        assert_eq!(lengths, [500, 500, 200]);

        let newest = customer.success(&customer.get("/orders/inCustomer").await);
        let order = newest[0]["order_id"].clone();
        let attributes = WIDE.repeat(1000);
        let name = WIDE.repeat(100);
        let rows = (0..1200).map(|_| format!("({order}, 1, '{attributes}', '{name}', 1, '1.00')"));
        let columns =
            "order_detail (order_id, product_id, attributes, product_name, quantity, unit_cost)";
        insert(database, columns, rows).await;
        assert_eq!(
            pages(&customer, &format!("/orders/{order}")).await,
            [500, 500, 200]
        );
        assert_eq!(
            pages(&customer, &format!("/orders/{order}?limit=500")).await,
            [500, 500, 200]
        );

        let merchant = shop.merchant().await;
        let path = format!("/admin/orders/{order}");
        let reply = merchant.get(&path).await;
        assert_eq!(super::length(&merchant.success(&reply)["lines"]), 500);
        let last = merchant.get(&format!("{path}?page=3")).await;
        assert_eq!(next(&reply).as_deref(), Some("?page=2&limit=500"));
        assert_eq!(super::length(&merchant.success(&last)["lines"]), 200);
        assert_eq!(next(&last), None);
    }
}

#[tokio::test]
async fn however_much_merchants_write_the_catalog_is_read() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        let (name, description) = (WIDE.repeat(100), WIDE.repeat(1000));
        let ids = || 1001..1001 + MANY;
        let all: [(&str, Vec<String>); 6] = [
            (
                "department (department_id, name, description)",
                ids()
                    .map(|id| format!("({id}, '{name}', '{description}')"))
                    .collect(),
            ),
            (
                "category (category_id, department_id, name, description)",
                ids()
                    .map(|id| format!("({id}, 1001, '{name}', '{description}')"))
                    .collect(),
            ),
            (
                "product_category (product_id, category_id)",
                ids().map(|id| format!("(1, {id})")).collect(),
            ),
            (
                "attribute (attribute_id, name)",
                ids().map(|id| format!("({id}, '{name}')")).collect(),
            ),
            (
                "attribute_value (attribute_value_id, attribute_id, value)",
                ids().map(|id| format!("({id}, 1001, '{name}')")).collect(),
            ),
            (
                "product_attribute (product_id, attribute_value_id)",
                ids().map(|id| format!("(1, {id})")).collect(),
            ),
        ];
        for (table, rows) in all {
            insert(database, table, rows).await;
        }
        let guest = shop.guest();
        for (path, page) in [
            ("/departments", 500),
            ("/categories?limit=100", 0),
            ("/categories/inDepartment/1001", 500),
            ("/categories/inProduct/1", 1000),
            ("/products/1/locations", 1000),
            ("/attributes", 1000),
            ("/attributes/values/1001", 1000),
            ("/attributes/inProduct/1", 1000),
        ] {
            if page == 0 {
                guest.success(&guest.get(path).await);
                continue;
            }
            let lengths = pages(&guest, path).await;
            assert_eq!(lengths[0], page, "{path}");
            assert!(lengths.iter().sum::<usize>() >= MANY, "{path}: {lengths:?}");
        }
    }
}

/// Descriptions of an older shop may be longer than those that are written here.
#[tokio::test]
async fn however_long_descriptions_are_lists_of_products_are_read() {
    for shop in Shop::both().await {
        let database = &shop.stores.database;
        if database.store == Store::MariaDb {
            let wider = "ALTER TABLE product MODIFY description MEDIUMTEXT NOT NULL";
            database.execute(wider).await;
        }
        let long = WIDE.repeat(30_000);
        let update = format!("UPDATE product SET description = '{long}'");
        database.execute(&update).await;
        let guest = shop.guest();
        for path in ["/products", "/products/inDepartment/1"] {
            let path = format!("{path}?limit=100&description_length=4294967295");
            let reply = guest.get(&path).await;
            let rows = guest.success(&reply)["rows"].clone();
            let shown = rows[0]["description"].as_str().expect("text").len();
            assert_eq!(shown, 4003, "{path}");
            assert!(reply.body.len() < super::REPLY);
        }
    }
}
