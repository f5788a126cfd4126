//! Columns that an older shop has under names of ours, with what it wrote into
//! them: it gives nobody rights, pays nothing and is nobody else's order.

use serde_json::{Value, json};

use super::{PASSWORD, Shop, Shopper};
use crate::catalog::database::{Database, Store};

/// Makes a column of ours as wide as an older shop might have it, and takes
/// NULL for it. What stood in it is gone on SQLite.
pub(super) async fn loosen(database: &Database, table: &str, column: &str) {
    let statements = match database.store {
        Store::Sqlite => vec![
            format!("ALTER TABLE {table} DROP COLUMN {column}"),
            format!("ALTER TABLE {table} ADD COLUMN {column} TEXT"),
        ],
        Store::MariaDb => vec![format!(
            "ALTER TABLE {table} MODIFY COLUMN {column} VARCHAR(60) NULL"
        )],
    };
    for statement in statements {
        database.execute(&statement).await;
    }
}

/// A shop on SQLite, MariaDB and MySQL whose column takes anything.
async fn shops_with_loose(table: &str, column: &str) -> [Shop; 3] {
    let shops = Shop::everywhere_with(|settings| settings.rate_limits = false).await;
    for shop in &shops {
        loosen(&shop.stores.database, table, column).await;
    }
    shops
}

/// Roles that are none of ours, as literals of SQL.
const ROLES: [&str; 11] = [
    "NULL",
    "''",
    "' '",
    "'admin'",
    "'MERCHANT'",
    "'Merchant'",
    "'merchant '",
    "' merchant'",
    "'merchant,customer'",
    "'Customer'",
    "'somebody who looks after the warehouse'",
];

#[tokio::test]
async fn an_unknown_role_has_the_rights_of_a_customer() {
    for (number, shop) in shops_with_loose("customer", "role")
        .await
        .iter()
        .enumerate()
    {
        for role in ROLES {
            let case = format!("{number}: {role}");
            let mut customer = shop.customer().await;
            let update = format!(
                "UPDATE customer SET role = {role} WHERE email = '{}'",
                customer.email
            );
            shop.stores.database.execute(&update).await;
            customer.login().await;
            for path in ["/admin/orders", "/admin/payments"] {
                assert_eq!(customer.get(path).await.status, 403, "{case}: {path}");
            }
            let name = json!({ "name": "Eve" });
            let made = customer.post("/admin/departments", &name).await;
            assert_eq!(made.status, 403, "{case}: {made:?}");

            // All that a customer may do.
            let mut fields = json!({ "name": "Ada", "email": customer.email });
            let changed = customer.put("/customer", &fields).await;
            assert_eq!(changed.status, 200, "{case}: {changed:?}");
            fields["password"] = json!(PASSWORD);
            let changed = customer.put("/customer", &fields).await;
            assert_eq!(changed.status, 200, "{case}: {changed:?}");
            customer.login().await;
            let order = customer.order_of(1).await;
            let paid = customer.charge(order, "tok_visa").await;
            assert_eq!(paid.status, 200, "{case}: {paid:?}");
        }
    }
}

/// A new order of a customer whose currency is something else.
async fn order_in(shop: &Shop, customer: &Shopper<'_>, currency: &str) -> i64 {
    let order = customer.order_of(1).await;
    let update = format!("UPDATE orders SET currency = {currency} WHERE order_id = {order}");
    shop.stores.database.execute(&update).await;
    order
}

async fn charge_in(customer: &Shopper<'_>, order: i64, currency: &Value) -> (u16, Value) {
    let mut fields = json!({
        "stripeToken": "tok_visa",
        "order_id": order,
        "description": "An order of an older shop",
        "amount": customer.total(order).await,
    });
    if !currency.is_null() {
        fields["currency"] = currency.clone();
    }
    let reply = customer.post("/stripe/charge", &fields).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn an_order_is_paid_in_its_currency_or_not_at_all() {
    for (number, shop) in shops_with_loose("orders", "currency")
        .await
        .iter()
        .enumerate()
    {
        let merchant = shop.merchant().await;
        // What the merchant sees, and in which currency it is paid.
        for (stored, shown) in [
            ("NULL", json!("usd")),
            ("''", json!("usd")),
            ("'USD'", json!("usd")),
            ("' GBP '", json!("gbp")),
            ("'Dollars'", Value::Null),
            ("'$'", Value::Null),
            ("'978'", Value::Null),
        ] {
            let case = format!("{number}: {stored}");
            let customer = shop.customer().await;
            let order = order_in(shop, &customer, stored).await;
            let path = format!("/admin/orders/{order}");
            let seen = merchant.success(&merchant.get(&path).await);
            assert_eq!(seen["currency"], shown, "{case}");
            let detail = customer.get(&format!("/orders/shortDetail/{order}")).await;
            assert_eq!(detail.status, 200, "{case}: {detail:?}");
            let (status, body) = charge_in(&customer, order, &json!("eur")).await;
            if shown.is_null() {
                for currency in [Value::Null, json!("usd"), json!("eur")] {
                    let (status, body) = charge_in(&customer, order, &currency).await;
                    let code = &body["error"]["code"];
                    assert_eq!((status, code), (409, &json!("PAY_06")), "{case}: {body}");
                }
                continue;
            }
            assert_eq!(status, 400, "{case}: {body}");
            assert_eq!(body["error"]["code"], "PAY_02", "{case}");
            let (status, charge) = charge_in(&customer, order, &shown).await;
            assert_eq!(status, 200, "{case}: {charge}");
            assert_eq!(charge["currency"], shown, "{case}");
            let seen = merchant.success(&merchant.get(&path).await);
            assert_eq!(seen["status"], 1, "{case}");
        }
    }
}

/// What a key of idempotency stands for is the order that was made by it, and
/// not what another back end has written under the same id since.
#[tokio::test]
async fn a_row_of_another_back_end_is_nobodys_answer() {
    for (number, shop) in Shop::everywhere_with(|_| {}).await.iter().enumerate() {
        let database = &shop.stores.database;
        for foreign_cart in ["NULL", "''", "'77'", "'0123456789abcdef0123456789abcdef'"] {
            let case = format!("{number}: {foreign_cart}");
            let customer = shop.customer().await;
            let cart = customer.new_cart().await;
            customer.add(&cart, 1, "L").await;
            let wish = json!({ "cart_id": cart, "shipping_id": 1, "tax_id": 1 });
            let key = format!("key-{cart}");
            let headers = [("idempotency-key", key.as_str())];
            let ask = || customer.ask_with(http::Method::POST, "/orders", &headers, &wish);
            let first = customer.success(&ask().await)["orderId"].clone();

            // The request was cut off before its answer was kept, its order is
            // gone, and another back end has taken its id.
            for statement in [
                "UPDATE order_idempotency SET status = NULL, body = NULL, \
                 locked_on = '2020-01-01 00:00:00'"
                    .to_owned(),
                format!("DELETE FROM order_detail WHERE order_id = {first}"),
                format!("DELETE FROM orders WHERE order_id = {first}"),
                format!(
                    "INSERT INTO orders (order_id, created_on, total_amount, customer_id, cart_id) \
                     VALUES ({first}, '2019-07-21 08:56:02', 5.00, 987654, {foreign_cart})"
                ),
            ] {
                database.execute(&statement).await;
            }
            customer.add(&cart, 1, "M").await;
            let second = customer.success(&ask().await)["orderId"].clone();
            assert_ne!(first, second, "{case}");
            let lines = customer.get(&format!("/orders/{second}")).await;
            let lines = customer.success(&lines);
            assert_eq!(lines[0]["attributes"], "M", "{case}: {lines}");
            let emptied = customer.get(&format!("/shoppingcart/{cart}")).await;
            assert_eq!(customer.success(&emptied), json!([]), "{case}");
        }
    }
}
