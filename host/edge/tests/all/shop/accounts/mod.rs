//! Accounts that this service did not make, or did not make alone: inherited
//! from another back end, changed beside the node, or locked out.

mod hashes;
mod inherited;
mod others;
mod resets;

use serde_json::{Value, json};

use super::{Shop, Shopper, Stores};
use crate::catalog::database::Store;
use crate::harness::Reply;

/// The hash of everybody's password by bcrypt, as another back end stores it.
const HASH: &str = "$2b$04$fXQHN.HAgAEKemHeNeu56erI8uE1fnjVOL2PEHvGzvVFfUYcai/K2";

/// Empty stores of each kind, for a table that was there before the node.
fn stores() -> [Stores; 3] {
    let [sqlite, mariadb] = Store::ALL.map(Stores::new);
    [sqlite, mariadb, Stores::on_mysql()]
}

/// The table of customers as forks of the original shop have it: columns are
/// wider than ours, and may lack a value.
fn legacy_table(store: Store) -> String {
    let (id, end) = match store {
        Store::Sqlite => ("INTEGER PRIMARY KEY", ""),
        Store::MariaDb => (
            "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4",
        ),
    };
    format!(
        "CREATE TABLE customer (customer_id {id}, name VARCHAR(255) NULL, \
         email VARCHAR(255) COLLATE {} NULL, password VARCHAR(255) NULL, credit_card TEXT NULL, \
         address_1 VARCHAR(500) NULL, address_2 VARCHAR(500) NULL, city VARCHAR(255) NULL, \
         region VARCHAR(255) NULL, postal_code INT NULL, country VARCHAR(255) NULL, \
         shipping_region_id INT NULL, day_phone BIGINT NULL, eve_phone VARCHAR(255) NULL, \
         mob_phone VARCHAR(255) NULL) {end}",
        match store {
            Store::Sqlite => "BINARY",
            Store::MariaDb => "utf8mb4_bin",
        }
    )
}

/// POST `/customers/login`.
async fn log_in(shopper: &Shopper<'_>, email: &str, password: &str) -> Reply {
    let fields = json!({ "email": email, "password": password });
    shopper.post("/customers/login", &fields).await
}

/// POST `/customers` under this address.
async fn register(shopper: &Shopper<'_>, email: &str) -> Reply {
    let fields = json!({ "name": "Eve", "email": email, "password": "battery staple" });
    shopper.post("/customers", &fields).await
}

/// Checks for a refusal of the contract's.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    reply.assert_status(status);
    assert_eq!(reply.json()["error"]["code"], code, "{reply:?}");
}

/// The token of a session, as `user-key` takes it.
#[track_caller]
fn token_of(reply: &Reply) -> String {
    reply.assert_status(200);
    let session: Value = reply.json();
    let token = session["accessToken"].as_str().expect("a token");
    token.to_owned()
}

/// GET `/customer` with a token.
async fn profile(shop: &Shop, token: &str) -> Reply {
    let mut guest = shop.guest();
    guest.token = Some(token.to_owned());
    guest.get("/customer").await
}
