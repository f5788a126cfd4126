//! Every statement fits the tables that the migrations make.

use customer::profile::{address, cards};
use customer::{
    accounts, facebook, login, lookup, password_reset, profile, registration, service, session,
};
use edge_sdk::sql::Dialect;
use sqlx::Executor as _;
use sqlx::sqlite::SqlitePool;

/// The folder of the plugin.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Each statement with the number of its parameters.
const STATEMENTS: [(&str, usize); 31] = [
    (accounts::UPDATE, 7),
    (accounts::INSERT, 5),
    (address::UPDATE, 8),
    (cards::UPDATE, 2),
    (facebook::BY_PROFILE, 1),
    (facebook::INSERT, 4),
    (login::REHASH, 3),
    (lookup::BY_ID, 1),
    (lookup::BY_KEY, 1),
    (lookup::BY_ADDRESS_SQLITE, 2),
    (lookup::RELEASE_KEY, 3),
    (password_reset::REQUEST, 2),
    (password_reset::FIND, 1),
    (password_reset::FIND_BY_DIGEST, 1),
    (password_reset::USE, 2),
    (password_reset::ACCOUNT, 1),
    (password_reset::CHANGE, 3),
    (password_reset::WITHDRAW, 1),
    (password_reset::DUE, 0),
    (password_reset::ATTEMPT, 3),
    (password_reset::DONE, 2),
    (password_reset::EXTEND_SERIES, 3),
    (password_reset::BEGIN_SERIES, 4),
    (password_reset::SERIES, 1),
    (password_reset::FORGET_TOKENS, 0),
    (profile::UPDATE, 12),
    (profile::CREDENTIALS, 1),
    (registration::INSERT, 4),
    (service::CONTACT, 1),
    (session::ROLE_BY_PASSWORD, 2),
    (session::ROLE_BY_FACEBOOK, 2),
];

async fn sqlite() -> SqlitePool {
    test_databases::sqlite(FOLDER).await
}

#[tokio::test]
async fn every_statement_fits_the_tables() {
    let names = [(service::names_text(), service::MAX_IDS)];
    let fixed = STATEMENTS.map(|(text, parameters)| (text.to_owned(), parameters));
    let statements = fixed.into_iter().chain(names);
    test_databases::prepare(&sqlite().await, Dialect::Sqlite, statements).await;
}

#[tokio::test]
async fn an_address_has_one_customer() {
    let database = sqlite().await;
    let register = |email: &'static str, key: &'static str| {
        let query = sqlx::query(registration::INSERT);
        query
            .bind("Ada")
            .bind(email)
            .bind(key)
            .bind("hash")
            .execute(&database)
    };
    register("Zoë@example.com", "zoë@example.com")
        .await
        .unwrap();
    register("Zoe@example.com", "zoe@example.com")
        .await
        .unwrap();
    let again = register("ZOË@example.com", "zoë@example.com").await;
    let refused = again.unwrap_err().into_database_error().unwrap();
    assert!(refused.is_unique_violation());
}

#[tokio::test]
async fn customers_of_before_are_found_by_their_address() {
    let database = test_databases::empty_sqlite().await;
    let table = "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, name TEXT, email TEXT, password TEXT)";
    database.execute(table).await.unwrap();
    let rows = "INSERT INTO customer (name, email, password) VALUES \
                ('Ada', 'Ada@Example.com', 'x'), ('Ada again', 'ADA@example.com', 'y'), ('Bob', 'b@example.com', 'z')";
    database.execute(rows).await.unwrap();
    let migrations = test_databases::migrations(FOLDER, "sqlite").await;
    migrations.run(&database).await.unwrap();
    for (key, id) in [("ada@example.com", 1), ("b@example.com", 3)] {
        let found: Vec<(i64, String, String)> = sqlx::query_as(lookup::BY_KEY)
            .bind(key)
            .fetch_all(&database)
            .await
            .unwrap();
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [id]);
    }
    let roles = "SELECT COUNT(*) FROM customer WHERE role = 'customer'";
    let count: i64 = sqlx::query_scalar(roles)
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(count, 3);
}

/// Rows that others write may have blanks around an address; the key does not.
#[tokio::test]
async fn blanks_around_an_address_do_not_count() {
    let database = sqlite().await;
    let insert = |email: &'static str| {
        let query = sqlx::query("INSERT INTO customer (name, email) VALUES ('Ada', ?)");
        query.bind(email).execute(&database)
    };
    insert("\tAda@example.com\r\n").await.unwrap();
    insert("bob@example.com\u{a0}").await.unwrap();
    for (address, id) in [("ada@example.com", 1), ("bob@example.com", 2)] {
        let found: Vec<(i64, String, Option<String>)> = sqlx::query_as(lookup::BY_ADDRESS_SQLITE)
            .bind(address)
            .bind(address)
            .fetch_all(&database)
            .await
            .unwrap();
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [id]);
    }
    let again = insert("ada@example.com ").await.unwrap_err();
    assert!(again.into_database_error().unwrap().is_unique_violation());
}

/// Who was shut out while their request ran changes nothing any more.
#[tokio::test]
async fn a_profile_is_changed_by_who_may_still() {
    let database = sqlite().await;
    let row = "INSERT INTO customer (name, email, email_key, password, role) \
               VALUES ('Ada', 'a@b.example', 'a@b.example', 'now', 'merchant')";
    database.execute(row).await.unwrap();
    let change = |role: &'static str, new: Option<&'static str>, before: Option<&'static str>| {
        let query = sqlx::query(profile::UPDATE);
        let query = query.bind("Ada").bind("a@b.example").bind("a@b.example");
        let query = query.bind(new).bind(new.is_some());
        let phones: [Option<&str>; 3] = [None; 3];
        let query = phones.iter().fold(query, |query, phone| query.bind(*phone));
        query
            .bind(1)
            .bind(role)
            .bind(before)
            .bind(before)
            .execute(&database)
    };
    for (role, new, before, changed) in [
        ("customer", None, None, 0),
        ("customer", Some("new"), Some("now"), 0),
        ("merchant", Some("new"), Some("then"), 0),
        ("merchant", Some("new"), Some(""), 0),
        ("merchant", None, None, 1),
        ("merchant", Some("new"), Some("now"), 1),
        ("merchant", Some("newer"), Some("now"), 0),
    ] {
        let outcome = change(role, new, before).await.unwrap();
        assert_eq!(
            outcome.rows_affected(),
            changed,
            "{role} {new:?} {before:?}"
        );
    }
}
