//! Every statement fits the tables that the migrations make.

use customer::{
    accounts, address, cards, contacts, facebook, login, profile, registration, session,
};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Executor as _, SqlSafeStr as _, Statement as _};

/// Each statement with the number of its parameters.
const STATEMENTS: [(&str, usize); 15] = [
    (accounts::UPDATE, 5),
    (accounts::INSERT, 5),
    (accounts::ID, 1),
    (address::UPDATE, 8),
    (cards::UPDATE, 2),
    (contacts::ONE, 1),
    (facebook::BY_PROFILE, 1),
    (facebook::INSERT, 4),
    (login::CREDENTIALS, 1),
    (profile::ONE, 1),
    (profile::UPDATE, 12),
    (profile::HASH, 1),
    (registration::INSERT, 4),
    (session::ROLE_BY_PASSWORD, 2),
    (session::ROLE_BY_FACEBOOK, 2),
];

/// A database without tables. Each connection to this URL is a database of its
/// own, so there is one.
async fn empty() -> sqlx::Result<SqlitePool> {
    let pool = SqlitePoolOptions::new().max_connections(1);
    pool.connect("sqlite::memory:").await
}

async fn migrate(database: &SqlitePool) -> sqlx::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let migrations = Migrator::new(std::path::Path::new(folder)).await?;
    Ok(migrations.run(database).await?)
}

#[tokio::test]
async fn every_statement_fits_the_tables() {
    let database = empty().await.unwrap();
    migrate(&database).await.unwrap();
    for (text, parameters) in STATEMENTS {
        let prepared = database.prepare(text.into_sql_str()).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{text}: {error}"));
        let taken = prepared
            .parameters()
            .map(|known| known.map_left(|kinds| kinds.len()));
        let taken = taken.map(|known| known.left_or_else(|count| count));
        assert_eq!(taken, Some(parameters), "{text}");
    }
}

#[tokio::test]
async fn an_address_has_one_customer() {
    let database = empty().await.unwrap();
    migrate(&database).await.unwrap();
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
    let database = empty().await.unwrap();
    let table = "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, name TEXT, email TEXT, password TEXT)";
    database.execute(table).await.unwrap();
    let rows = "INSERT INTO customer (name, email, password) VALUES \
                ('Ada', 'Ada@Example.com', 'x'), ('Ada again', 'ADA@example.com', 'y'), ('Bob', 'b@example.com', 'z')";
    database.execute(rows).await.unwrap();
    migrate(&database).await.unwrap();
    for (key, id) in [("ada@example.com", 1), ("b@example.com", 3)] {
        let found: Vec<(i64, String)> = sqlx::query_as(login::CREDENTIALS)
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
