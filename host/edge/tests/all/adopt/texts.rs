//! Conversions of a table's texts: what is compared how before and after.

use test_servers::MariaDb;

use super::fork::run;
use super::later::{databases, migrating, refusal, start};
use crate::catalog::database::Database;

async fn collation(database: &Database, column: &str) -> String {
    let statement = format!(
        "SELECT CAST(collation_name AS CHAR) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name = 'guest' AND column_name = '{column}'"
    );
    database.texts(&statement).await.remove(0)
}

const GUEST: &str = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
    name VARCHAR(50), \
    code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'none' COMMENT 'ours', \
    nick VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, \
    note TEXT, UNIQUE KEY guest_code (code), UNIQUE KEY guest_nick (nick)) \
    ENGINE = MyISAM DEFAULT CHARSET = latin1";
const ROWS: &str = "INSERT INTO guest (name, code, nick, note) VALUES \
    ('Ada', 'ab', 'ada', 'ö'), ('Eve', 'AB', 'eve', NULL)";
const EXPECTED: &str = "CREATE TABLE IF NOT EXISTS guest \
    (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60)) DEFAULT CHARSET = utf8mb4";

#[tokio::test]
async fn columns_of_others_are_compared_as_before() {
    for (convert, name) in [
        (
            "ALTER TABLE guest ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "_bin",
        ),
        ("ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4", "_ci"),
    ] {
        for create in [None, Some(EXPECTED)] {
            for database in databases(&[GUEST, ROWS]).await {
                let statements: Vec<_> = [
                    Some("ALTER TABLE guest CHANGE COLUMN name name VARCHAR(50)"),
                    create,
                    Some(convert),
                ]
                .into_iter()
                .flatten()
                .collect();
                start(&database, migrating(&[&statements])).await;
                assert_eq!(collation(&database, "code").await, "utf8mb4_bin");
                assert_eq!(collation(&database, "nick").await, "utf8mb4_unicode_ci");
                assert!(collation(&database, "note").await.starts_with("utf8mb4"));
                assert!(collation(&database, "note").await.ends_with("_ci"));
                let own = collation(&database, "name").await;
                assert!(own.ends_with(name) || create.is_some(), "{own}");
                let rows = "SELECT CONCAT_WS(' ', name, code, nick, note) FROM guest ORDER BY id";
                assert_eq!(database.texts(rows).await, ["Ada ab ada ö", "Eve AB eve"]);
                let code = "SELECT CAST(CONCAT(REPLACE(column_default, '\\'', ''), ' ', column_comment) AS CHAR) \
                    FROM information_schema.columns \
                    WHERE table_schema = DATABASE() AND table_name = 'guest' AND column_name = 'code'";
                assert_eq!(database.texts(code).await, ["none ours"]);
                let full = "INSERT INTO guest (name, note) VALUES ('\u{1f455}', '\u{1f455}')";
                run(&database, full).await;
            }
        }
    }
}

/// What the new character set takes for one value is found before the
/// conversion stops at it.
#[tokio::test]
async fn values_that_become_one_are_in_the_way_of_a_unique_key() {
    let [maria, mysql] = [MariaDb::shared_mariadb(), MariaDb::shared_mysql()].map(Database::of);
    for (database, no_pad) in [
        (&maria, "utf8mb4_general_nopad_ci"),
        (&mysql, "utf8mb4_0900_ai_ci"),
    ] {
        for (charset, own, first, second, to) in [
            ("latin1", "latin1_general_ci", "Zoe", "Zoë", "utf8mb4"),
            (
                "latin1",
                "latin1_german2_ci",
                "strase",
                "straße",
                "utf8mb4 COLLATE utf8mb4_general_ci",
            ),
            (
                "utf8mb4",
                no_pad,
                "Ada",
                "Ada ",
                "utf8mb4 COLLATE utf8mb4_bin",
            ),
        ] {
            run(
                database,
                "DROP TABLE IF EXISTS guest, edge_migrations_ledger",
            )
            .await;
            let table = format!(
                "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50), \
                 UNIQUE KEY guest_name (name)) DEFAULT CHARSET = {charset} COLLATE = {own}"
            );
            run(database, &table).await;
            let rows = format!("INSERT INTO guest (name) VALUES ('{first}'), ('{second}')");
            run(database, &rows).await;
            let convert = format!("ALTER TABLE guest CONVERT TO CHARACTER SET {to}");
            let statements = [
                "ALTER TABLE guest CHANGE COLUMN name name VARCHAR(50)",
                convert.as_str(),
            ];
            let message = refusal(database, migrating(&[&statements])).await;
            assert!(
                message.contains(" guest.guest_name: "),
                "{second}: {message}"
            );
            assert!(collation(database, "name").await.starts_with(charset));
            run(database, "UPDATE guest SET name = 'another' WHERE id = 2").await;
            start(database, migrating(&[&statements])).await;
            assert!(collation(database, "name").await.starts_with("utf8mb4"));
        }
    }
}

async fn row_format(database: &Database) -> Vec<String> {
    let statement = "SELECT CAST(row_format AS CHAR) FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_name = 'guest'";
    database.texts(statement).await
}

/// Exports of older servers say these formats, in which a column has 767 bytes in
/// a key at the most.
#[tokio::test]
async fn a_table_of_an_older_row_format_gets_keys_of_utf8mb4() {
    let create = EXPECTED.replace("60", "255");
    for format in ["COMPACT", "REDUNDANT"] {
        let table = format!(
            "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255), \
             code VARCHAR(250) CHARACTER SET latin1 COLLATE latin1_bin, \
             UNIQUE KEY guest_name (name), KEY guest_code (code)) \
             ENGINE = InnoDB ROW_FORMAT = {format} DEFAULT CHARSET = latin1"
        );
        for statement in [
            create.as_str(),
            "ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        ] {
            for database in databases(&[&table]).await {
                start(&database, migrating(&[&[statement]])).await;
                assert_eq!(row_format(&database).await, ["Dynamic"], "{statement}");
                for column in ["name", "code"] {
                    let collation = collation(&database, column).await;
                    assert!(collation.starts_with("utf8mb4"), "{collation}");
                }
            }
        }
    }
}

/// The block size of a compressed table goes with no other format.
#[tokio::test]
async fn a_compressed_table_stays_compressed() {
    let table = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
        name VARCHAR(255), UNIQUE KEY guest_name (name)) \
        ENGINE = InnoDB ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8 DEFAULT CHARSET = latin1";
    let statements = [
        "ALTER TABLE guest ENGINE = InnoDB, ROW_FORMAT = DYNAMIC",
        "ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE guest ADD COLUMN room VARCHAR(10) NULL",
    ];
    for database in databases(&[table]).await {
        start(&database, migrating(&[&statements])).await;
        assert_eq!(row_format(&database).await, ["Compressed"]);
        let collation = collation(&database, "name").await;
        assert!(collation.starts_with("utf8mb4"), "{collation}");
    }
}

/// What a migration may not say is said again of a column that has it.
#[tokio::test]
async fn names_and_defaults_of_others_may_hold_what_no_migration_may() {
    let table = r"CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50),
        model VARCHAR(20) COLLATE latin1_bin NOT NULL DEFAULT 'App\\User' COMMENT 'a\\b it''s',
        `größe` ENUM('a\\b', 'c') COLLATE latin1_bin NOT NULL DEFAULT 'a\\b')
        DEFAULT CHARSET = latin1";
    let convert = "ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4";
    for database in databases(&[table]).await {
        start(&database, migrating(&[&[convert]])).await;
        for column in ["model", "größe"] {
            assert_eq!(collation(&database, column).await, "utf8mb4_bin");
        }
        run(&database, "INSERT INTO guest (name) VALUES ('Ada')").await;
        let row = "SELECT CONCAT(model, ' ', `größe`) FROM guest";
        assert_eq!(database.texts(row).await, [r"App\User a\b"]);
        let comment = "SELECT CAST(column_comment AS CHAR) FROM information_schema.columns \
            WHERE table_schema = DATABASE() AND table_name = 'guest' AND column_name = 'model'";
        assert_eq!(database.texts(comment).await, [r"a\b it's"]);
    }
}

/// A key of words over a column of ours and one of theirs has one collation.
#[tokio::test]
async fn columns_that_share_a_fulltext_key_are_compared_alike() {
    for charset in ["utf8mb4 COLLATE = utf8mb4_general_ci", "latin1"] {
        let table = format!(
            "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, company VARCHAR(50), \
             name VARCHAR(50), note TEXT, FULLTEXT KEY guest_words (company, name)) \
             ENGINE = InnoDB DEFAULT CHARSET = {charset}"
        );
        let rows = "INSERT INTO guest (company, name) VALUES ('Engines', 'Ada')";
        for database in databases(&[&table, rows]).await {
            let statements = [
                "ALTER TABLE guest CHANGE COLUMN name name VARCHAR(50)",
                "ALTER TABLE guest CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            ];
            start(&database, migrating(&[&statements])).await;
            for column in ["company", "name"] {
                assert_eq!(collation(&database, column).await, "utf8mb4_bin");
            }
            assert!(collation(&database, "note").await.ends_with("_ci"));
            let parts = "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.statistics \
                WHERE table_schema = DATABASE() AND table_name = 'guest' AND index_type = 'FULLTEXT'";
            assert_eq!(database.texts(parts).await, ["2"]);
        }
    }
}
