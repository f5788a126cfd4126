//! Columns that an older shop has under names of ours, with what it wrote into
//! them: it gives nobody rights.

use serde_json::json;

use super::{PASSWORD, Shop};
use crate::catalog::database::{Database, Store};

/// Makes a column of ours as wide as an older shop might have it, and takes
/// NULL for it. What stood in it is gone on SQLite.
async fn loosen(database: &Database, table: &str, column: &str) {
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
