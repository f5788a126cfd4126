//! What shops say of rows that an older shop made, held against the documents:
//! whatever such a row lacks, a generated client can read the reply.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::super::documents::Documents;
use super::super::inherited::{add_orders, tables as order_tables};
use super::super::reused::loosen;
use super::super::{Shop, Shopper, Stores};
use crate::catalog::database::Store;
use crate::catalog::inherited::statements as catalog_statements;

/// More of what our own tables would refuse: no department and one that cannot
/// be, ratings and a text beyond what a customer may write, a negative place.
const ROWS: [&str; 4] = [
    "INSERT INTO category VALUES (5, 0, 'Zero', NULL), (6, -1, 'Below', NULL)",
    "INSERT INTO product_category VALUES (1, 2), (1, 5), (1, 6)",
    "INSERT INTO product VALUES \
     (4, 'Odd', 'Odd.', 3.00, 0, NULL, NULL, NULL, '-1')",
    "INSERT INTO review VALUES (6, 7, 1, 'Zero.', '0', NULL), (7, 8, 1, 'Ten.', '10', NULL)",
];

/// Replies that an older shop's rows are in, for anybody.
const OPEN: [&str; 30] = [
    "/departments",
    "/departments/2",
    "/categories?limit=100",
    "/categories/2",
    "/categories/4",
    "/categories/5",
    "/categories/6",
    "/categories/inProduct/1",
    "/categories/inDepartment/1",
    "/attributes",
    "/attributes/2",
    "/attributes/values/1",
    "/attributes/inProduct/1",
    "/products?limit=100",
    "/products/search?query_string=priceless",
    "/products/inCategory/1",
    "/products/inDepartment/1",
    "/products/2",
    "/products/3",
    "/products/4",
    "/products/2/details",
    "/products/3/details",
    "/products/1/locations",
    "/products/1/reviews?limit=100",
    "/products/2/reviews",
    "/tax",
    "/tax/3",
    "/shipping/regions",
    "/shipping/regions/1",
    "/shipping/regions/2",
];

/// Replies about a customer's orders, and about the customer.
const OWN: [&str; 8] = [
    "/orders/inCustomer",
    "/orders/501",
    "/orders/502",
    "/orders/503",
    "/orders/shortDetail/501",
    "/orders/shortDetail/502",
    "/orders/shortDetail/503",
    "/customer",
];

/// Replies for merchants.
const ADMIN: [&str; 8] = [
    "/admin/orders",
    "/admin/orders?status=3",
    "/admin/orders/501",
    "/admin/orders/502",
    "/admin/orders/503",
    "/admin/orders/504",
    "/admin/products/2",
    "/admin/products/4",
];

/// Fields that are null in one of these replies.
const NULLS: [&str; 18] = [
    "created_on",
    "currency",
    "customer_id",
    "department_id",
    "description",
    "grand_total",
    "image",
    "image_2",
    "price",
    "product_id",
    "quantity",
    "rating",
    "shipped_on",
    "status",
    "subtotal",
    "thumbnail",
    "total_amount",
    "unit_cost",
];

/// Adds the names of all fields that are null.
fn nulls(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| nulls(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if value.is_null() {
                    names.insert(name.clone());
                }
                nulls(value, names);
            }
        }
        _ => {}
    }
}

/// A shop on the tables and rows of an older one.
async fn inherited(store: Store) -> Shop {
    let stores = Stores::new(store);
    let rows = ROWS.iter().map(|row| (*row).to_owned());
    let catalog = catalog_statements(store, "FLOAT").into_iter().chain(rows);
    for statement in catalog.chain(order_tables(store)) {
        stores.database.execute(&statement).await;
    }
    let review = format!(
        "INSERT INTO review VALUES (8, 9, 1, '{}', '5', NULL)",
        "x".repeat(5000)
    );
    stores.database.execute(&review).await;
    let shop = Shop::open(Arc::new(stores), |settings| settings.rate_limits = false).await;
    loosen(&shop.stores.database, "orders", "currency").await;
    shop
}

/// Everything that is asked, each with its reply held against the documents.
struct Asked {
    documents: Documents,
    nulls: BTreeSet<String>,
}

impl Asked {
    async fn get(&mut self, shopper: &Shopper<'_>, path: &str) {
        self.ask(shopper, Method::GET, path, &Value::Null).await;
    }

    async fn ask(&mut self, shopper: &Shopper<'_>, method: Method, path: &str, fields: &Value) {
        let reply = shopper.ask(method.clone(), path, fields).await;
        let (_, response) = self.documents.check(&method, path, &reply);
        assert_eq!(response, "200", "{path}: {reply:?}");
        nulls(&reply.json(), &mut self.nulls);
    }
}

#[tokio::test]
async fn replies_about_an_older_shops_rows_are_as_documented() {
    for store in Store::ALL {
        let shop = inherited(store).await;
        let mut asked = Asked {
            documents: Documents::read(),
            nulls: BTreeSet::new(),
        };
        let mut customer = shop.guest();
        let session = customer.register().await;
        let id = &session["customer"]["customer_id"];
        add_orders(&shop.stores.database, id).await;
        for statement in [
            "UPDATE orders SET currency = 'Dollars' WHERE order_id = 503",
            "UPDATE orders SET currency = NULL WHERE order_id = 502",
        ] {
            shop.stores.database.execute(statement).await;
        }
        for path in OPEN.into_iter().chain(OWN) {
            asked.get(&customer, path).await;
        }
        let cart = customer.new_cart().await;
        customer.add(&cart, 3, "L").await;
        asked.get(&customer, &format!("/shoppingcart/{cart}")).await;
        let order = customer.order(&cart).await;
        customer.charge(order, "tok_visa").await.assert_status(200);

        let merchant = shop.merchant().await;
        for path in ADMIN.into_iter().chain(["/admin/payments"]) {
            asked.get(&merchant, path).await;
        }
        let path = "/admin/products/2/stock";
        let stock = json!({ "stock": "unlimited" });
        asked.ask(&merchant, Method::PUT, path, &stock).await;
        for field in NULLS {
            assert!(asked.nulls.contains(field), "{store:?}: {field}");
        }
    }
}
