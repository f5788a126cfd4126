//! Values of rows that were there before a plugin: what a migration computes
//! from them, and what they are where the plugin means something else.

use test_servers::MariaDb;

use super::check::{adopt, check, finding, places};
use super::fork::{UMLAUTS, run};
use super::later::{columns, databases, migrating, refusal, start};

const GUEST: &str =
    "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100), room INT)";
const EARLY: &str = "ALTER TABLE guest ADD COLUMN early INT NULL";

/// A migration that would stop half-way at a row is refused before its first
/// statement.
#[tokio::test]
async fn values_that_their_column_does_not_take_are_found_before() {
    let rows =
        "INSERT INTO guest (name, room) VALUES ('Ada', 1), (REPEAT('x', 60), 40000), (NULL, 2)";
    for (statements, place, mended) in [
        (
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(50) NULL; \
             UPDATE guest JOIN (SELECT MIN(id) AS id, LOWER(name) AS lowered FROM guest GROUP BY lowered) \
             first_row ON first_row.id = guest.id SET guest.tag = first_row.lowered",
            "guest.name",
            "UPDATE guest SET name = LEFT(name, 50)",
        ),
        (
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(80) NULL; \
             UPDATE guest SET tag = CONCAT(name, REPEAT('y', 45)) WHERE room > 1",
            "guest.tag",
            "UPDATE guest SET name = LEFT(name, 30)",
        ),
        (
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(50) AS (UPPER(name)) STORED",
            "guest.name",
            "UPDATE guest SET name = LEFT(name, 50)",
        ),
        (
            "ALTER TABLE guest ADD COLUMN door SMALLINT NULL; UPDATE guest SET door = room",
            "guest.room",
            "UPDATE guest SET room = 7",
        ),
        (
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(100) NOT NULL DEFAULT ''; UPDATE guest SET tag = name",
            "guest.name",
            "UPDATE guest SET name = 'Eve' WHERE name IS NULL",
        ),
    ] {
        for database in databases(&[GUEST, rows]).await {
            let before = columns(&database, "guest").await;
            let message = refusal(&database, migrating(&[&[EARLY, statements]])).await;
            assert!(
                message.contains(&format!(" {place}: the migration fills")),
                "{statements}: {message}"
            );
            assert!(message.contains("in 1 row"), "{message}");
            assert_eq!(columns(&database, "guest").await, before, "{statements}");
            let finding = message.split_once("(`SELECT").expect("a statement").1;
            let (select, _) = finding.split_once("`). `edge adopt").expect("an end");
            run(&database, &format!("SELECT{select}")).await;
            run(&database, mended).await;
            start(&database, migrating(&[&[EARLY, statements]])).await;
        }
    }
}

#[tokio::test]
async fn a_value_that_the_migration_cuts_is_in_nobodys_way() {
    let rows = "INSERT INTO guest (name) VALUES (REPEAT('ü', 60))";
    let latin = "ALTER TABLE guest CONVERT TO CHARACTER SET latin1";
    for database in databases(&[GUEST, rows, latin]).await {
        let statements: &[&str] = &[
            "ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4",
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(50) NULL",
            "UPDATE guest SET tag = SUBSTR(REPLACE(LOWER(name), 'İ', 'i̇'), 1, 50)",
        ];
        start(&database, migrating(&[statements])).await;
        let tag = "SELECT tag FROM guest";
        assert_eq!(database.texts(tag).await, ["ü".repeat(50)]);
    }
}

/// The key of an address has 200 characters.
#[tokio::test]
async fn an_address_that_outgrows_its_key_is_in_the_way() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = UMLAUTS.restore(server).await;
        run(
            &database,
            "ALTER TABLE customer MODIFY COLUMN email VARCHAR(255) NOT NULL",
        )
        .await;
        let long = "UPDATE customer SET email = CONCAT(REPEAT('a', 201), '@example.com') WHERE customer_id = 2";
        run(&database, long).await;
        let (code, checked) = check(&database).await;
        assert_eq!(code, Some(7), "{checked:#}");
        assert_eq!(
            places(&checked, "obstacle"),
            ["customer.email"],
            "{checked:#}"
        );
        let long = finding(&checked, "obstacle", "customer.email");
        let remedy = long["remedy"][0].as_str().expect("a statement");
        assert_eq!(
            remedy,
            "SELECT `customer_id`, `email` FROM `customer` WHERE CHAR_LENGTH(`email`) > 200"
        );
        assert_eq!(
            database
                .texts(&remedy.replace("`customer_id`, ", ""))
                .await
                .len(),
            1
        );
        run(
            &database,
            "UPDATE customer SET email = 'a@example.com' WHERE customer_id = 2",
        )
        .await;
        let (code, said, complained) = adopt(&database.url, &[]).await;
        assert_eq!(code, Some(0), "{said}{complained}");
    }
}

/// A CREATE TABLE over the column of an older shop.
fn expecting(column: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, {column})"
    )
}

#[tokio::test]
async fn values_that_are_none_of_the_plugins_kind_are_found_before() {
    for (live, value, expected, named) in [
        (
            "VARCHAR(20) NOT NULL",
            "'paid'",
            "state INT NOT NULL DEFAULT 0",
            "'paid' in 1",
        ),
        (
            "VARCHAR(20)",
            "'99999999999'",
            "state INT",
            "'99999999999' in 1",
        ),
        (
            "VARCHAR(20)",
            "'12,50'",
            "state DECIMAL(10, 2)",
            "'12,50' in 1",
        ),
        (
            "VARCHAR(20)",
            "'1.999'",
            "state DECIMAL(10, 2)",
            "'1.999' in 1",
        ),
        (
            "VARCHAR(30)",
            "'3 March 2018'",
            "state DATETIME",
            "'3 March 2018' in 1",
        ),
        ("DOUBLE", "1.5", "state INT", "'1.5' in 1"),
        ("DECIMAL(12, 2)", "1.5", "state INT", "'1.50' in 1"),
        (
            "ENUM('new', 'paid')",
            "'new'",
            "state SMALLINT",
            "'new' in 1",
        ),
    ] {
        let table = format!(
            "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, state {live})"
        );
        let row = format!("INSERT INTO guest (state) VALUES ({value})");
        for database in databases(&[table.as_str(), row.as_str()]).await {
            let before = columns(&database, "guest").await;
            let statement = expecting(expected);
            let message = refusal(&database, migrating(&[&[EARLY, &statement]])).await;
            assert!(message.contains(" guest.state: "), "{live}: {message}");
            assert!(message.contains(named), "{live}: {message}");
            assert_eq!(columns(&database, "guest").await, before, "{live}");
            mend(&database, &message).await;
            start(&database, migrating(&[&[EARLY, &statement]])).await;
            let own = "SELECT CAST(own_state AS CHAR) FROM guest";
            assert_eq!(database.texts(own).await.len(), 1, "{live}");
        }
    }
}

/// Run the statements that a refusal names.
async fn mend(database: &crate::catalog::database::Database, message: &str) {
    for part in message.split("(`ALTER").skip(1) {
        let (statements, _) = part.split_once("`)").expect("an end");
        for statement in format!("ALTER{statements}").split("; ") {
            run(database, statement).await;
        }
    }
}

#[tokio::test]
async fn numbers_of_another_kind_become_the_plugins() {
    for (live, value, expected, becomes) in [
        ("ENUM('0', '1')", "'1'", "state SMALLINT", "1"),
        ("VARCHAR(4)", "'12'", "state SMALLINT", "12"),
        ("VARCHAR(10)", "'12.5'", "state DECIMAL(10, 2)", "12.50"),
        ("BIT(1)", "1", "state SMALLINT", "1"),
        ("YEAR", "2018", "state INT", "2018"),
        ("DECIMAL(5, 0)", "77", "state INT", "77"),
    ] {
        let table = format!(
            "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, state {live})"
        );
        let row = format!("INSERT INTO guest (state) VALUES ({value})");
        for database in databases(&[table.as_str(), row.as_str()]).await {
            let statement = expecting(expected);
            let message = refusal(&database, migrating(&[&[EARLY, &statement]])).await;
            assert!(message.contains(" guest.state: "), "{live}: {message}");
            mend(&database, &message).await;
            start(&database, migrating(&[&[EARLY, &statement]])).await;
            let now = database
                .texts("SELECT CAST(state AS CHAR) FROM guest")
                .await;
            assert_eq!(now, [becomes], "{live}");
        }
    }
}

/// Nothing is lost of what the plugin writes into a narrower column.
#[tokio::test]
async fn columns_that_would_lose_a_part_are_widened() {
    let table = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, since DATE, \
        price DECIMAL(10, 0), post INT, role ENUM('customer', 'staff'))";
    let row = "INSERT INTO guest VALUES (1, '2018-03-04', 12, 80331, 'staff')";
    for database in databases(&[table, row]).await {
        let statement =
            expecting("since DATETIME, price DECIMAL(10, 2), post VARCHAR(100), role VARCHAR(20)");
        start(&database, migrating(&[&[&statement]])).await;
        run(
            &database,
            "INSERT INTO guest VALUES (2, '2018-03-04 05:06:07', 12.34, 'N1 9GU', 'merchant')",
        )
        .await;
        let rows =
            "SELECT CONCAT_WS(' ', CAST(since AS CHAR), price, post, role) FROM guest ORDER BY id";
        assert_eq!(
            database.texts(rows).await,
            [
                "2018-03-04 00:00:00 12.00 80331 staff",
                "2018-03-04 05:06:07 12.34 N1 9GU merchant"
            ]
        );
    }
}
