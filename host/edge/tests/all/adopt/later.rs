//! Migrations of a plugin over tables that were there before it: one column
//! and key at a time, now and in later releases.

use test_servers::MariaDb;

use super::fork::run;
use crate::catalog::database::Database;
use crate::harness::{PluginFolder, TestNode, start_error, variant};

const GRANT: &str = "[grants.database]\nwrite = ['ledger_entry', 'guest', 'stay']";

/// The ledger with migrations of these statements, each in a file of its own.
pub fn migrating(files: &[&[&str]]) -> PluginFolder {
    let mut plugin = variant("ledger", GRANT);
    for (index, statements) in files.iter().enumerate() {
        let name = format!("{:04}_more.sql", index + 50);
        let sqlite = "DELETE FROM ledger_entry WHERE 0";
        plugin = plugin
            .with(&format!("migrations/mysql/{name}"), statements.join(";\n"))
            .with(&format!("migrations/sqlite/{name}"), sqlite);
    }
    plugin
}

/// Databases with these tables, on each kind of server.
pub async fn databases(tables: &[&str]) -> [Database; 2] {
    let databases = [MariaDb::shared(), MariaDb::shared_mysql()].map(Database::of);
    for database in &databases {
        for statement in tables {
            run(database, statement).await;
        }
    }
    databases
}

pub async fn start(database: &Database, plugin: PluginFolder) {
    let node = TestNode::start(&[plugin], |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await;
    assert!(node.stop().await);
}

pub async fn refusal(database: &Database, plugin: PluginFolder) -> String {
    start_error(&[plugin], |settings| {
        settings.database_url.clone_from(&database.url);
    })
    .await
}

pub async fn columns(database: &Database, table: &str) -> Vec<String> {
    let statement = format!(
        "SELECT CAST(CONCAT(LOWER(column_name), ' ', \
             REPLACE(REPLACE(column_type, 'int(11)', 'int'), 'int(20)', 'int'), ' ', is_nullable) AS CHAR) \
         FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name = '{table}' ORDER BY ordinal_position"
    );
    database.texts(&statement).await
}

#[tokio::test]
async fn nothing_is_narrowed() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NULL, \
         note MEDIUMTEXT, paid DECIMAL(12, 4), visits BIGINT)",
        "INSERT INTO guest (name, paid) VALUES (NULL, 1.2345), ('Ada', NULL)",
    ];
    for database in databases(&tables).await {
        let plugin = migrating(&[&[
            "ALTER TABLE guest MODIFY COLUMN name VARCHAR(50) NOT NULL, \
             MODIFY COLUMN note TEXT NULL, MODIFY COLUMN paid DECIMAL(10, 2) NULL, \
             CHANGE COLUMN visits visits INT NULL",
            "ALTER TABLE guest CONVERT TO CHARACTER SET latin1",
        ]]);
        start(&database, plugin).await;
        assert_eq!(
            columns(&database, "guest").await,
            [
                "id int NO",
                "name varchar(255) YES",
                "note mediumtext YES",
                "paid decimal(12,4) YES",
                "visits bigint YES",
            ]
        );
        let charset = "SELECT CAST(character_set_name AS CHAR) FROM information_schema.columns \
            WHERE table_schema = DATABASE() AND table_name = 'guest' AND column_name = 'name'";
        assert_eq!(database.texts(charset).await, ["utf8mb4"]);
    }
}

#[tokio::test]
async fn what_is_there_is_not_added_again() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), \
         room VARCHAR(10) NULL, KEY guest_name (name))",
        "INSERT INTO guest (name, room) VALUES ('Ada', '12b')",
    ];
    for database in databases(&tables).await {
        let plugin = migrating(&[&[
            "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
             name VARCHAR(50), email VARCHAR(100), KEY guest_email (email))",
            "ALTER TABLE guest ADD COLUMN room VARCHAR(20) NULL, ADD COLUMN floor INT NULL",
            "CREATE INDEX guest_name ON guest (name)",
            "CREATE INDEX guest_called ON guest (name)",
            "CREATE UNIQUE INDEX guest_room ON guest (room)",
        ]]);
        start(&database, plugin).await;
        assert_eq!(
            columns(&database, "guest").await,
            [
                "id int NO",
                "name varchar(50) YES",
                "room varchar(20) YES",
                "email varchar(100) YES",
                "floor int YES",
            ]
        );
        assert_eq!(database.texts("SELECT room FROM guest").await, ["12b"]);
        let keys = "SELECT DISTINCT CAST(index_name AS CHAR) FROM information_schema.statistics \
            WHERE table_schema = DATABASE() AND table_name = 'guest' ORDER BY 1";
        assert_eq!(
            database.texts(keys).await,
            ["guest_name", "guest_room", "PRIMARY"]
        );
    }
}

/// What a column of the table itself means is decided by whoever made it: it
/// is used as long as it holds what is written.
#[tokio::test]
pub async fn columns_of_other_kinds_are_used_where_they_hold_what_is_written() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, visits VARCHAR(10), \
         photo BLOB, paid DOUBLE, owed FLOAT NOT NULL, post INT)",
        "INSERT INTO guest VALUES (1, '12', 'a.gif', 1.2345, 44.97, 80331)",
    ];
    for database in databases(&tables).await {
        let plugin = migrating(&[&[
            "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
             visits INT, photo VARCHAR(100), paid DECIMAL(10, 2), owed DECIMAL(10, 2), post VARCHAR(20))",
        ]]);
        start(&database, plugin).await;
        assert_eq!(
            columns(&database, "guest").await,
            [
                "id int NO",
                "visits varchar(10) YES",
                "photo blob YES",
                "paid double YES",
                "owed decimal(10,2) YES",
                "post varchar(20) YES",
            ]
        );
        let row = "SELECT CONCAT(visits, ' ', paid, ' ', owed, ' ', post) FROM guest";
        assert_eq!(database.texts(row).await, ["12 1.2345 44.97 80331"]);
    }
}

#[tokio::test]
async fn what_was_there_before_is_never_dropped() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         name VARCHAR(50), room VARCHAR(10), KEY guest_name (name))",
    ];
    for database in databases(&tables).await {
        let first: &[&str] =
            &["ALTER TABLE guest ADD COLUMN floor INT NULL, ADD COLUMN door INT NULL"];
        start(&database, migrating(&[first])).await;
        let later: &[&str] = &[
            "ALTER TABLE guest DROP COLUMN room, DROP COLUMN floor",
            "ALTER TABLE guest DROP INDEX guest_name, DROP INDEX guest_gone",
        ];
        start(&database, migrating(&[first, later])).await;
        assert_eq!(
            columns(&database, "guest").await,
            [
                "id int NO",
                "name varchar(50) YES",
                "room varchar(10) YES",
                "door int YES"
            ]
        );
        let keys = "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics \
            WHERE table_schema = DATABASE() AND table_name = 'guest' ORDER BY 1";
        assert_eq!(database.texts(keys).await, ["guest_name", "PRIMARY"]);
    }
}

#[tokio::test]
async fn rows_that_are_there_keep_their_dates_and_times() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, born_on DATE NOT NULL DEFAULT '2000-01-01', \
         changed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP) \
         ENGINE = MyISAM DEFAULT CHARSET = latin1",
        "SET sql_mode = ''; INSERT INTO guest (born_on, changed_on) VALUES \
         ('0000-00-00', '2001-02-03 04:05:06'), ('2001-00-00', '2002-03-04 05:06:07')",
    ];
    for database in databases(&tables).await {
        let plugin = migrating(&[&[
            "ALTER TABLE guest ENGINE = InnoDB",
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(20) NULL",
            "UPDATE guest SET tag = 'old'",
        ]]);
        start(&database, plugin).await;
        let rows = "SELECT CONCAT(CAST(born_on AS CHAR), ' ', CAST(changed_on AS CHAR), ' ', tag) \
            FROM guest ORDER BY id";
        assert_eq!(
            database.texts(rows).await,
            [
                "0000-00-00 2001-02-03 04:05:06 old",
                "2001-00-00 2002-03-04 05:06:07 old"
            ]
        );
        // A text of the new column has every character, in a table of latin1.
        let charset = "SELECT CAST(character_set_name AS CHAR) FROM information_schema.columns \
            WHERE table_schema = DATABASE() AND table_name = 'guest' AND column_name = 'tag'";
        assert_eq!(database.texts(charset).await, ["utf8mb4"]);
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_before_the_first_change() {
    let guest = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50))";
    let inserted = "INSERT INTO guest (name) VALUES ('Ada'), ('Ada')";
    let add = "ALTER TABLE guest ADD COLUMN early INT NULL";
    for (tables, statement, place) in [
        (
            [guest, "ALTER TABLE guest ADD COLUMN room INT"],
            "ALTER TABLE guest ADD COLUMN room VARCHAR(20) NULL",
            "guest.room",
        ),
        (
            [guest, inserted],
            "CREATE UNIQUE INDEX guest_name ON guest (name)",
            "guest.name",
        ),
        (
            [
                guest,
                "ALTER TABLE guest PARTITION BY HASH (id) PARTITIONS 2",
            ],
            "CREATE UNIQUE INDEX guest_name ON guest (name)",
            "guest.guest_name",
        ),
        (
            [guest, "ALTER TABLE guest PARTITION BY KEY () PARTITIONS 2"],
            "CREATE UNIQUE INDEX guest_name ON guest (name)",
            "guest.guest_name",
        ),
        (
            [
                guest,
                "ALTER TABLE guest ADD COLUMN note VARCHAR(16000) CHARACTER SET utf8mb4",
            ],
            "ALTER TABLE guest ADD COLUMN room VARCHAR(500) CHARACTER SET utf8mb4 NULL",
            "guest.note",
        ),
        (
            [
                guest,
                "ALTER TABLE guest ADD COLUMN note VARCHAR(16000) CHARACTER SET utf8mb4",
            ],
            "ALTER TABLE guest MODIFY COLUMN name VARCHAR(500) CHARACTER SET utf8mb4 NULL",
            "guest.note",
        ),
        (
            [
                guest,
                "ALTER TABLE guest ADD COLUMN note VARCHAR(16000) CHARACTER SET utf8mb4",
            ],
            "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL PRIMARY KEY, \
             room VARCHAR(500)) DEFAULT CHARSET = utf8mb4",
            "guest.note",
        ),
        (
            [guest, "CREATE INDEX guest_name ON guest (id, name)"],
            "CREATE INDEX guest_name ON guest (name)",
            "guest.guest_name",
        ),
        (
            [guest, "CREATE VIEW stay AS SELECT * FROM guest"],
            "CREATE TABLE IF NOT EXISTS stay (id INT NOT NULL PRIMARY KEY)",
            "stay",
        ),
        (
            [guest, "CREATE TABLE stay (room INT)"],
            "CREATE TABLE stay (id INT NOT NULL PRIMARY KEY)",
            "stay",
        ),
        (
            [
                guest,
                "ALTER TABLE guest ADD COLUMN upper VARCHAR(50) AS (UPPER(name)) STORED",
            ],
            "ALTER TABLE guest ADD COLUMN upper VARCHAR(50) NULL",
            "guest.upper",
        ),
        (
            [
                "CREATE TABLE guest (id INT NOT NULL PRIMARY KEY, name VARCHAR(50))",
                "INSERT INTO guest VALUES (1, 'Ada')",
            ],
            "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
             name VARCHAR(50))",
            "guest.id",
        ),
        (
            [guest, "ALTER TABLE guest ADD COLUMN floor VARCHAR(20)"],
            "ALTER TABLE guest ADD COLUMN floor INT NULL",
            "guest.floor",
        ),
        (
            [
                guest,
                "ALTER TABLE guest ADD COLUMN tag VARCHAR(20) DEFAULT 'mine'",
            ],
            "ALTER TABLE guest ADD COLUMN tag VARCHAR(20) NULL; UPDATE guest SET tag = 'ours'",
            "guest.tag",
        ),
    ] {
        for database in databases(&tables).await {
            if place == "guest.tag" {
                run(&database, inserted).await;
            }
            let before = columns(&database, "guest").await;
            let message = refusal(&database, migrating(&[&[add, statement]])).await;
            assert!(
                message.contains(&format!(" {place}: ")),
                "{statement}: {message}"
            );
            assert_eq!(columns(&database, "guest").await, before, "{statement}");
        }
    }
}

/// Statements that the refusal gives let a partitioned table have a unique key.
#[tokio::test]
async fn a_table_without_partitions_has_any_unique_key() {
    let table = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50)) \
        PARTITION BY RANGE (id) (PARTITION few VALUES LESS THAN (10), \
        PARTITION others VALUES LESS THAN MAXVALUE)";
    let statements: &[&str] = &[
        "CREATE UNIQUE INDEX guest_both ON guest (name, id)",
        "CREATE UNIQUE INDEX guest_name ON guest (name)",
    ];
    for database in databases(&[table]).await {
        let message = refusal(&database, migrating(&[statements])).await;
        assert!(message.contains(" guest.guest_name: "), "{message}");
        assert!(!message.contains("guest_both"), "{message}");
        let removed = "ALTER TABLE `guest` REMOVE PARTITIONING";
        assert!(message.contains(&format!("(`{removed}`)")), "{message}");
        run(&database, removed).await;
        start(&database, migrating(&[statements])).await;
    }
}
