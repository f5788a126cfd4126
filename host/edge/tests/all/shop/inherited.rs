//! Orders, taxes and shipping in tables that an older shop made: with money in
//! floats, quantities as text, zero dates and NULL wherever it fits.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Shop, Stores};
use crate::catalog::database::{Database, Store};

/// The tables of the order service, with the older shop's own types. The totals
/// may be missing, but none of them is for our orders.
pub(super) fn tables(store: Store) -> Vec<String> {
    let (key, rest) = match store {
        Store::Sqlite => ("INTEGER PRIMARY KEY", ""),
        Store::MariaDb => (
            "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "ENGINE = MyISAM DEFAULT CHARSET = latin1",
        ),
    };
    let tables = [
        format!("tax (tax_id {key}, tax_type VARCHAR(100), tax_percentage FLOAT)"),
        format!("shipping_region (shipping_region_id {key}, shipping_region VARCHAR(100))"),
        format!(
            "shipping (shipping_id {key}, shipping_type VARCHAR(100), shipping_cost FLOAT, \
             shipping_region_id INT)"
        ),
        format!(
            "orders (order_id {key}, total_amount FLOAT, created_on DATETIME, shipped_on DATETIME, \
             status INT, comments VARCHAR(255), customer_id INT, auth_code VARCHAR(50), \
             reference VARCHAR(50), shipping_id INT, tax_id INT)"
        ),
        format!(
            "order_detail (item_id {key}, order_id INT, product_id INT, attributes VARCHAR(1000), \
             product_name VARCHAR(100), quantity VARCHAR(10), unit_cost FLOAT)"
        ),
    ];
    let mut statements: Vec<_> = tables
        .iter()
        .map(|table| format!("CREATE TABLE {table} {rest}"))
        .collect();
    statements.extend(ROWS.map(str::to_owned));
    statements
}

const ROWS: [&str; 3] = [
    "INSERT INTO tax VALUES (1, 'Sales tax', 8.5), (2, 'Nobody knows', NULL), (3, NULL, 0)",
    "INSERT INTO shipping_region VALUES (1, 'Everywhere'), (2, NULL)",
    "INSERT INTO shipping VALUES (1, 'Mail', 4.95, 1), (2, 'Carrier pigeon', NULL, 1), \
     (3, NULL, 19.999, 1)",
];

/// A shop with such tables on each kind of stores.
async fn inherited() -> Vec<Shop> {
    let mut shops = Vec::new();
    for store in Store::ALL {
        let stores = Stores::new(store);
        for statement in tables(store) {
            stores.database.execute(&statement).await;
        }
        shops.push(Shop::open(Arc::new(stores), |_| {}).await);
    }
    shops
}

#[tokio::test]
async fn what_cannot_be_chosen_is_not_offered() {
    for shop in inherited().await {
        let guest = shop.guest();
        let store = shop.store();
        let get = async |path: &str| guest.success(&guest.get(path).await);
        let taxes = json!([
            { "tax_id": 1, "tax_type": "Sales tax", "tax_percentage": "8.50" },
            { "tax_id": 3, "tax_type": "", "tax_percentage": "0.00" },
        ]);
        assert_eq!(get("/tax").await, taxes, "{store:?}");
        assert_eq!(get("/tax/1").await, taxes[0], "{store:?}");
        assert_eq!(guest.get("/tax/2").await.status, 404, "{store:?}");
        let regions = json!([
            { "shipping_region_id": 1, "shipping_region": "Everywhere" },
            { "shipping_region_id": 2, "shipping_region": "" },
        ]);
        assert_eq!(get("/shipping/regions").await, regions, "{store:?}");
        let ways = json!([
            {
                "shipping_id": 1, "shipping_type": "Mail", "shipping_cost": "4.95",
                "shipping_region_id": 1,
            },
            {
                "shipping_id": 3, "shipping_type": "", "shipping_cost": "20.00",
                "shipping_region_id": 1,
            },
        ]);
        assert_eq!(get("/shipping/regions/1").await, ways, "{store:?}");

        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        customer.add(&cart, 1, "L").await;
        for (shipping, tax, code) in [(2, 1, "SHP_03"), (1, 2, "TAX_01")] {
            let wish = json!({ "cart_id": cart, "shipping_id": shipping, "tax_id": tax });
            let reply = customer.post("/orders", &wish).await;
            assert_eq!(reply.status, 404, "{store:?}: {reply:?}");
            assert_eq!(reply.json()["error"]["code"], code, "{store:?}");
        }
    }
}

/// Money in floats: each amount is read as it was written, and sums are made
/// of cents.
#[tokio::test]
async fn an_order_is_placed_paid_and_read_to_the_cent() {
    for shop in inherited().await {
        let store = shop.store();
        let reprice = "UPDATE product SET price = 24.99, discounted_price = 0 WHERE product_id = 1";
        shop.stores.database.execute(reprice).await;
        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        for _ in 0..3 {
            customer.add(&cart, 1, "L, Red").await;
        }
        let order = customer.order(&cart).await;
        let detail = customer.get(&format!("/orders/shortDetail/{order}")).await;
        let detail = customer.success(&detail);
        for (field, expected) in [
            ("total_amount", "74.97"),
            ("shipping_cost", "4.95"),
            ("tax_amount", "6.37"),
            ("grand_total", "86.29"),
        ] {
            assert_eq!(detail[field], expected, "{store:?}: {field}");
        }
        let lines = customer.success(&customer.get(&format!("/orders/{order}")).await);
        assert_eq!(lines[0]["quantity"], 3, "{store:?}");
        assert_eq!(lines[0]["unit_cost"], "24.99", "{store:?}");
        assert_eq!(lines[0]["subtotal"], "74.97", "{store:?}");

        let paid = customer.charge_amount(order, "tok_visa", 8629).await;
        paid.assert_status(200);
        let merchant = shop.merchant().await;
        let seen = merchant.get(&format!("/admin/orders/{order}")).await;
        let seen = merchant.success(&seen);
        assert_eq!(seen["status"], 1, "{store:?}");
        assert_eq!(seen["paid_amount"], "86.29", "{store:?}");
        assert_eq!(
            customer.get(&format!("/shoppingcart/{cart}")).await.json(),
            json!([])
        );
    }
}

/// Adds orders as the older shop had them, for a customer.
pub(super) async fn add_orders(database: &Database, customer: &Value) {
    let columns = "order_id, total_amount, created_on, shipped_on, status, customer_id";
    let lines = "item_id, order_id, product_id, attributes, product_name, quantity, unit_cost";
    for statement in [
        format!(
            "INSERT INTO orders ({columns}) VALUES \
             (501, 74.97, '2019-07-21 08:56:02', '0000-00-00 00:00:00', 3, {customer}), \
             (502, NULL, '0000-00-00 00:00:00', NULL, NULL, {customer}), \
             (503, 9.99, NULL, NULL, 77, {customer}), \
             (504, 1.00, NULL, NULL, 0, NULL)"
        ),
        format!(
            "INSERT INTO order_detail ({lines}) VALUES \
             (901, 501, 1, 'L', 'Mistral', '3', 24.99), \
             (902, 501, NULL, NULL, NULL, NULL, NULL), \
             (903, 501, 88, 'M', 'Gone', '2.00', NULL)"
        ),
    ] {
        database.execute(&statement).await;
    }
}

#[tokio::test]
async fn orders_of_an_older_shop_are_listed_whatever_they_lack() {
    for shop in inherited().await {
        let store = shop.store();
        let mut customer = shop.guest();
        let session = customer.register().await;
        add_orders(&shop.stores.database, &session["customer"]["customer_id"]).await;
        let name = &session["customer"]["name"];
        let orders = customer.success(&customer.get("/orders/inCustomer").await);
        let expected = json!([
            {
                "order_id": 503, "total_amount": "9.99", "created_on": null, "shipped_on": null,
                "status": 77, "name": name,
            },
            {
                "order_id": 502, "total_amount": null, "created_on": null, "shipped_on": null,
                "status": null, "name": name,
            },
            {
                "order_id": 501, "total_amount": "74.97", "created_on": "2019-07-21T08:56:02.000Z",
                "shipped_on": null, "status": 3, "name": name,
            },
        ]);
        assert_eq!(orders, expected, "{store:?}");
        let lines = customer.success(&customer.get("/orders/501").await);
        let expected = json!([
            {
                "order_id": 501, "product_id": 1, "attributes": "L", "product_name": "Mistral",
                "quantity": 3, "unit_cost": "24.99", "subtotal": "74.97",
            },
            {
                "order_id": 501, "product_id": null, "attributes": "", "product_name": "",
                "quantity": null, "unit_cost": null, "subtotal": null,
            },
            {
                "order_id": 501, "product_id": 88, "attributes": "M", "product_name": "Gone",
                "quantity": 2, "unit_cost": null, "subtotal": null,
            },
        ]);
        assert_eq!(lines, expected, "{store:?}");
        let detail = customer.success(&customer.get("/orders/shortDetail/501").await);
        assert_eq!(detail["grand_total"], "74.97", "{store:?}");
        let detail = customer.success(&customer.get("/orders/shortDetail/502").await);
        assert_eq!(detail["grand_total"], Value::Null, "{store:?}");

        // What nobody can say what for is not paid for.
        for order in [502, 503] {
            let reply = customer.charge_amount(order, "tok_visa", 999).await;
            assert_eq!(reply.status, 409, "{store:?}: {order}: {reply:?}");
            assert_eq!(
                reply.json()["error"]["code"],
                "PAY_06",
                "{store:?}: {order}"
            );
        }
        let merchant = shop.merchant().await;
        let all = merchant.success(&merchant.get("/admin/orders").await);
        assert_eq!(all["count"], 4, "{store:?}");
        assert_eq!(all["rows"].as_array().map(Vec::len), Some(4), "{store:?}");
        for order in 501..=504 {
            let seen = merchant.get(&format!("/admin/orders/{order}")).await;
            merchant.success(&seen);
        }
    }
}

/// A product without a price is there, and cannot be bought.
#[tokio::test]
async fn a_product_without_a_price_is_not_sold() {
    for store in Store::ALL {
        let stores = Stores::new(store);
        let key = match store {
            Store::Sqlite => "INTEGER PRIMARY KEY",
            Store::MariaDb => "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        };
        for statement in [
            format!(
                "CREATE TABLE product (product_id {key}, name VARCHAR(100), description TEXT, \
                 price FLOAT, discounted_price FLOAT, image VARCHAR(150), image_2 VARCHAR(150), \
                 thumbnail VARCHAR(150), display SMALLINT)"
            ),
            "INSERT INTO product (product_id, name, price) VALUES (1, 'Mistral', 14.99), \
             (2, 'Priceless', NULL)"
                .to_owned(),
        ] {
            stores.database.execute(&statement).await;
        }
        let shop = Shop::open(Arc::new(stores), |_| {}).await;
        let customer = shop.customer().await;
        let cart = customer.new_cart().await;
        let add =
            |product: i64| json!({ "cart_id": cart, "product_id": product, "attributes": "L" });
        let refusal = customer.post("/shoppingcart/add", &add(2)).await;
        assert_eq!(refusal.status, 400, "{store:?}: {refusal:?}");
        let error = &refusal.json()["error"];
        assert_eq!(error["code"], "PRO_03", "{store:?}");
        assert_eq!(error["field"], "product_id", "{store:?}");
        let unknown = customer.post("/shoppingcart/add", &add(3)).await;
        assert_eq!(unknown.json()["error"]["code"], "PRO_01", "{store:?}");

        // One that lost its price since it was put into the cart.
        let items = customer.add(&cart, 1, "L").await;
        assert_eq!(items[0]["price"], "14.99", "{store:?}");
        let lose = "UPDATE product SET price = NULL WHERE product_id = 1";
        shop.stores.database.execute(lose).await;
        let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
        let reply = customer.post("/orders", &wish).await;
        assert_eq!(reply.status, 409, "{store:?}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], "ORD_04", "{store:?}");
    }
}
