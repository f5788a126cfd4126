//! What columns have besides their types: NULL, defaults, comments.

use test_servers::MariaDb;

use super::check::{check, finding, places};
use super::fork::{COLUMNS, run};
use super::later::{columns, databases, migrating, refusal, start};
use crate::catalog::database::Database;

const EARLY: &str = "ALTER TABLE guest ADD COLUMN early INT NULL";

#[tokio::test]
async fn no_primary_key_is_made_over_null() {
    let table = "CREATE TABLE guest (id INT NULL, name VARCHAR(50))";
    let rows = "INSERT INTO guest VALUES (1, 'Ada'), (NULL, 'Eve')";
    for statement in [
        "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL, name VARCHAR(50), PRIMARY KEY (id))",
        "ALTER TABLE guest ADD PRIMARY KEY (id)",
    ] {
        for database in databases(&[table, rows]).await {
            let before = columns(&database, "guest").await;
            let message = refusal(&database, migrating(&[&[EARLY, statement]])).await;
            assert!(
                message.contains(" guest.id: is NULL in 1 row"),
                "{statement}: {message}"
            );
            assert_eq!(columns(&database, "guest").await, before, "{statement}");
            run(&database, "UPDATE guest SET id = 2 WHERE id IS NULL").await;
            start(&database, migrating(&[&[EARLY, statement]])).await;
        }
    }
}

/// Each column with its default, comment, collation and what the server sets.
async fn definitions(database: &Database) -> Vec<String> {
    let statement = "SELECT CAST(CONCAT_WS(' ', LOWER(column_name), \
            LOWER(REPLACE(REPLACE(column_type, 'int(11)', 'int'), 'bigint(20)', 'bigint')), is_nullable, \
            REPLACE(REPLACE(LOWER(column_default), '\\'', ''), 'current_timestamp()', 'current_timestamp'), \
            REPLACE(REPLACE(REPLACE(LOWER(extra), 'default_generated ', ''), '()', ''), 'default_generated', ''), \
            collation_name, column_comment) AS CHAR) \
        FROM information_schema.columns \
        WHERE table_schema = DATABASE() AND table_name = 'guest' ORDER BY ordinal_position";
    database.texts(statement).await
}

#[tokio::test]
async fn what_a_migration_does_not_speak_of_stays() {
    let table = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'number', \
        name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'nobody' \
            COMMENT 'it''s shown', \
        seen TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
        room INT NOT NULL DEFAULT 7 COMMENT 'door', \
        tag VARCHAR(10) NOT NULL DEFAULT 'x' COMMENT 'label') \
        DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_general_ci";
    for database in databases(&[table]).await {
        let statements = [
            "ALTER TABLE guest MODIFY COLUMN name VARCHAR(50) NULL, MODIFY COLUMN room BIGINT NULL AFTER id, \
             MODIFY COLUMN seen TIMESTAMP(3) NULL",
            "ALTER TABLE guest CHANGE COLUMN tag label VARCHAR(5) NOT NULL",
            "ALTER TABLE guest MODIFY COLUMN id BIGINT NOT NULL",
        ];
        start(&database, migrating(&[&statements])).await;
        assert_eq!(
            definitions(&database).await,
            [
                "id bigint NO auto_increment number",
                "room bigint YES 7  door",
                "name varchar(50) YES nobody  utf8mb4_bin it's shown",
                "seen timestamp(3) YES current_timestamp(3) on update current_timestamp(3) ",
                "label varchar(10) NO x  utf8mb4_general_ci label",
            ]
        );
    }
}

/// Rows of the plugin that do not name a state begin with the plugin's.
#[tokio::test]
async fn another_default_of_a_reused_number_is_in_the_way() {
    let table = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
        held SMALLINT NOT NULL DEFAULT 1, owed DECIMAL(10, 2) NOT NULL DEFAULT 5.00, \
        paid DECIMAL(10, 2) NOT NULL DEFAULT 0)";
    let add = "ALTER TABLE guest ADD COLUMN held SMALLINT NOT NULL DEFAULT 0, \
        ADD COLUMN owed DECIMAL(10, 2) NOT NULL DEFAULT 0.00, ADD COLUMN paid DECIMAL(10, 2) NOT NULL DEFAULT 0.00";
    for database in databases(&[table]).await {
        let message = refusal(&database, migrating(&[&[EARLY, add]])).await;
        assert!(
            message.contains(" guest.held: rows that do not name it get 1"),
            "{message}"
        );
        assert!(
            message.contains(" guest.owed: rows that do not name it get 5.00"),
            "{message}"
        );
        assert!(!message.contains("guest.paid"), "{message}");
        assert!(
            !columns(&database, "guest")
                .await
                .contains(&"early int YES".to_owned())
        );
        for part in message.split("(`ALTER").skip(1) {
            let (statement, _) = part.split_once("`)").expect("an end");
            run(&database, &format!("ALTER{statement}")).await;
        }
        start(&database, migrating(&[&[EARLY, add]])).await;
        run(&database, "INSERT INTO guest (early) VALUES (1)").await;
        let row = "SELECT CONCAT(held, ' ', owed) FROM guest";
        assert_eq!(database.texts(row).await, ["0 0.00"]);
    }
}

/// What a default means is known to people alone.
#[tokio::test]
async fn another_default_of_a_reused_text_is_named() {
    for server in [MariaDb::shared(), MariaDb::shared_mysql()] {
        let database = COLUMNS.restore(server).await;
        run(
            &database,
            "ALTER TABLE customer ALTER COLUMN role SET DEFAULT 'staff'",
        )
        .await;
        let (code, checked) = check(&database).await;
        assert_eq!(code, Some(0), "{checked:#}");
        let notes = places(&checked, "note");
        assert!(notes.contains(&"product.stock".to_owned()), "{notes:?}");
        let role = finding(&checked, "note", "customer.role");
        let text = role["text"].as_str().expect("text");
        assert!(
            text.contains("get 'staff'") && text.contains("has 'customer'"),
            "{text}"
        );
    }
}
