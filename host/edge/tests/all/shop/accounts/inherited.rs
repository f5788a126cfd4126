//! Rows of an older shop, with what our own columns would not hold.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{HASH, legacy_table, log_in, stores, token_of};
use crate::shop::{PASSWORD, Shop};

/// Columns of a row, their values in SQL, and what a client sees of them.
fn rows() -> Vec<(&'static str, String, Value)> {
    let long = "x".repeat(255);
    let number = "4111 1111 1111 1111";
    vec![
        ("name", "NULL".into(), json!({ "name": "" })),
        ("name", format!("'{long}'"), json!({ "name": long })),
        ("name", "'a\nb'".into(), json!({ "name": "a\nb" })),
        (
            "shipping_region_id",
            "NULL".into(),
            json!({ "shipping_region_id": 1 }),
        ),
        (
            "shipping_region_id",
            "0".into(),
            json!({ "shipping_region_id": 1 }),
        ),
        (
            "shipping_region_id",
            "-7".into(),
            json!({ "shipping_region_id": 1 }),
        ),
        (
            "shipping_region_id",
            "3".into(),
            json!({ "shipping_region_id": 3 }),
        ),
        (
            "credit_card",
            format!("'{number}'"),
            json!({ "credit_card": "XXXXXXXXXXXX1111" }),
        ),
        (
            "credit_card",
            "'4111111111111111'".into(),
            json!({ "credit_card": "XXXXXXXXXXXX1111" }),
        ),
        (
            "credit_card",
            "'XXXX-XXXX-XXXX-1234'".into(),
            json!({ "credit_card": "XXXXXXXXXXXX1234" }),
        ),
        (
            "credit_card",
            "'9f8e7d6c5b4a'".into(),
            json!({ "credit_card": null }),
        ),
        ("credit_card", "''".into(), json!({ "credit_card": null })),
        (
            "postal_code",
            "12345".into(),
            json!({ "postal_code": "12345" }),
        ),
        (
            "day_phone",
            "441234567890".into(),
            json!({ "day_phone": "441234567890" }),
        ),
        (
            "address_1",
            format!("'{long}{}'", &long[..200]),
            json!({ "address_1": format!("{long}{}", &long[..200]) }),
        ),
    ]
}

#[tokio::test]
async fn no_value_of_an_inherited_row_fails_a_request() {
    for stores in stores() {
        let database = &stores.database;
        database.execute(&legacy_table(database.store)).await;
        let rows = rows();
        for (number, (column, value, _)) in rows.iter().enumerate() {
            let row = format!(
                "INSERT INTO customer (email, password, {column}) \
                 VALUES (' Legacy-{number}@example.com ', '{HASH}', {value})"
            );
            database.execute(&row).await;
        }
        let unlimited = |settings: &mut edge::config::Settings| settings.rate_limits = false;
        let shop = Shop::open(Arc::new(stores), unlimited).await;
        for (number, (column, value, expected)) in rows.iter().enumerate() {
            let mut customer = shop.guest();
            customer.email = format!("legacy-{number}@example.com");
            let entered = log_in(&customer, &customer.email, PASSWORD).await;
            customer.token = Some(token_of(&entered));
            let profile = customer.get("/customer").await;
            let seen = customer.success(&profile);
            assert_eq!(seen, entered.json()["customer"], "{column} = {value}");
            for (field, value) in expected.as_object().expect("fields") {
                assert_eq!(&seen[field], value, "{column} = {value}: {seen}");
            }
            assert_eq!(seen["email"], format!("Legacy-{number}@example.com"));
            assert!(!profile.text().contains("41111111"), "{profile:?}");

            // What other services ask: a reviewer's name, and whom a mail is for.
            let review = json!({ "review": "It fits.", "rating": 5 });
            customer
                .post("/products/1/reviews", &review)
                .await
                .assert_status(200);
            let order = customer.order_of(1).await;
            customer.charge(order, "tok_visa").await.assert_status(200);
            // And the customer may change it all.
            let fields = json!({ "name": "Ada King", "email": customer.email });
            let changed = customer.put("/customer", &fields).await;
            assert_eq!(customer.success(&changed)["name"], "Ada King");
        }
    }
}

/// What an older shop called a role gives no rights here.
#[tokio::test]
async fn a_role_of_another_kind_is_a_customers() {
    for (number, shop) in Shop::everywhere_with(|settings| settings.rate_limits = false)
        .await
        .into_iter()
        .enumerate()
    {
        for role in ["admin", "user", "", "0", "Merchant"] {
            let mut customer = shop.customer().await;
            let update = format!(
                "UPDATE customer SET role = '{role}' WHERE email = '{}'",
                customer.email
            );
            shop.stores.database.execute(&update).await;
            customer.login().await;
            customer.get("/customer").await.assert_status(200);
            customer.get("/admin/orders").await.assert_status(403);
            let fields = json!({ "name": "Ada", "email": customer.email, "password": PASSWORD });
            let changed = customer.put("/customer", &fields).await;
            assert_eq!(changed.status, 200, "{number} {role}: {changed:?}");
        }
    }
}
