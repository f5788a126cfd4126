//! Migrations that failed half-way, and records that are not what the tables
//! are.

use super::check::adopt_with;
use super::fork::run;
use super::later::{columns, databases, migrating, refusal, start};

const GUEST: &str = "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
    name VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)";
const ROWS: &str = "INSERT INTO guest (name) VALUES ('Zoe'), ('Ada')";

const SHARED: &str = "ALTER TABLE guest ADD COLUMN shared VARCHAR(50) NULL";
const FILL: &str = "UPDATE guest JOIN (SELECT MIN(id) AS id, LOWER(name) AS lowered FROM guest \
    GROUP BY lowered) holder ON holder.lowered = LOWER(guest.name) \
    SET guest.shared = holder.lowered WHERE guest.id <> holder.id";
const ALONE: &str = "ALTER TABLE guest ADD COLUMN alone VARCHAR(50) \
    GENERATED ALWAYS AS (NULLIF(LOWER(name), shared)) VIRTUAL";
const UNIQUE: &str = "CREATE UNIQUE INDEX guest_alone ON guest (alone)";

/// Another back end adds a customer between the UPDATE that takes care of those
/// who are there twice and the key that allows none.
#[tokio::test]
async fn a_race_for_a_unique_key_mends_itself_at_the_next_start() {
    for database in databases(&[GUEST, ROWS]).await {
        let statements = [SHARED, FILL, ALONE, UNIQUE];
        start(&database, migrating(&[&statements])).await;
        // As it is when the last statement has failed.
        run(&database, "DROP INDEX guest_alone ON guest").await;
        run(&database, "INSERT INTO guest (name) VALUES ('ADA')").await;
        let failed = "UPDATE edge_migrations_ledger SET success = FALSE, execution_time = -1 - 2 * 3 \
            WHERE version = 50";
        run(&database, failed).await;
        start(&database, migrating(&[&statements])).await;
        let rows = "SELECT CONCAT_WS(' ', name, shared, alone) FROM guest ORDER BY id";
        assert_eq!(
            database.texts(rows).await,
            ["Zoe zoe", "Ada ada", "ADA ada"]
        );
        let key = "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics \
            WHERE table_schema = DATABASE() AND index_name = 'guest_alone' AND non_unique = 0";
        assert_eq!(database.texts(key).await, ["guest_alone"]);
    }
}

/// The statement between makes one value of two, as a row of others does.
#[tokio::test]
async fn a_race_for_a_unique_key_mends_itself_in_the_same_run() {
    let accented = "INSERT INTO guest (name) VALUES ('Zoë')";
    let convert = "ALTER TABLE guest CHANGE COLUMN name name VARCHAR(50), \
        CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
    for database in databases(&[GUEST, ROWS, accented]).await {
        let alone = ALONE.replace(
            "VARCHAR(50)",
            "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        );
        let statements = [SHARED, FILL, convert, alone.as_str(), UNIQUE];
        start(&database, migrating(&[&statements])).await;
        let shared = "SELECT name FROM guest WHERE shared IS NOT NULL";
        assert_eq!(database.texts(shared).await, ["Zoë"]);
    }
}

/// Nothing fills the columns of this key anew. What an error quotes of rows may
/// be anybody's name.
#[tokio::test]
async fn a_duplicate_is_not_quoted_in_the_error() {
    let accented = "INSERT INTO guest (name) VALUES ('Zoë')";
    let convert = "ALTER TABLE guest CHANGE COLUMN name name VARCHAR(50), \
        CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
    let alone = "ALTER TABLE guest ADD COLUMN alone VARCHAR(50) CHARACTER SET utf8mb4 \
        COLLATE utf8mb4_general_ci GENERATED ALWAYS AS (LOWER(name)) VIRTUAL";
    for database in databases(&[GUEST, ROWS, accented]).await {
        let message = refusal(&database, migrating(&[&[convert, alone, UNIQUE]])).await;
        assert!(
            message.contains("Duplicate entry '...' for key"),
            "{message}"
        );
        assert!(!message.to_lowercase().contains("'zo"), "{message}");
    }
}

/// An attempt of an older node that failed half-way has left its record: the
/// next one looks at the tables like the first.
#[tokio::test]
async fn what_an_attempt_left_is_looked_at_like_an_untouched_database() {
    let tables = [
        "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, legal VARCHAR(10) NOT NULL)",
        "CREATE TABLE edge_migrations_ledger (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
         checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
        "INSERT INTO edge_migrations_ledger (version, description, success, checksum, execution_time) \
         VALUES (1, 'ledger', FALSE, '', -1)",
    ];
    let statements: &[&str] = &[
        "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, room INT)",
    ];
    for database in databases(&tables).await {
        let message = refusal(&database, migrating(&[statements])).await;
        assert!(message.contains(" guest.legal: "), "{message}");
        let mended = "ALTER TABLE guest ALTER COLUMN legal SET DEFAULT ''";
        run(&database, mended).await;
        start(&database, migrating(&[statements])).await;
        let later: &[&str] = &["ALTER TABLE guest DROP COLUMN legal"];
        start(&database, migrating(&[statements, later])).await;
        assert_eq!(
            columns(&database, "guest").await,
            ["id int NO", "legal varchar(10) NO", "room int YES"]
        );
    }
}

/// A backup from before the migrations, restored over their tables, leaves
/// their records.
#[tokio::test]
async fn tables_that_are_not_as_recorded_are_in_the_way() {
    let statements: &[&str] = &[
        "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, room INT)",
        "ALTER TABLE guest ADD COLUMN floor INT NULL",
    ];
    let later: &[&str] = &["ALTER TABLE guest ADD COLUMN early INT NULL"];
    for database in databases(&[]).await {
        start(&database, migrating(&[statements])).await;
        run(&database, "DROP TABLE guest").await;
        run(
            &database,
            "CREATE TABLE guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY)",
        )
        .await;
        for files in [&[statements][..], &[statements, later]] {
            let message = refusal(&database, migrating(files)).await;
            assert!(message.contains(" guest: has no floor, room"), "{message}");
            let checking = adopt_with(vec![migrating(files)], &database.url, &["--check"]);
            let (code, said, complained) = checking.await;
            assert_eq!(code, Some(7), "{said}{complained}");
            for part in [
                "\n  guest\n",
                "IN THE WAY  has no floor, room",
                "DROP TABLE",
            ] {
                assert!(said.contains(part), "{said}");
            }
            assert!(!said.contains("up to date"), "{said}");
            assert_eq!(columns(&database, "guest").await, ["id int NO"]);
        }
        run(&database, "DROP TABLE IF EXISTS `edge_migrations_ledger`").await;
        start(&database, migrating(&[statements, later])).await;
        assert_eq!(
            columns(&database, "guest").await,
            [
                "id int NO",
                "room int YES",
                "floor int YES",
                "early int YES"
            ]
        );
    }
}

/// Somebody dropped one column of the plugin's: the statement that the refusal
/// gives adds it, and the records of the migrations stay.
#[tokio::test]
async fn a_column_that_was_dropped_is_added_as_told() {
    let statements: &[&str] = &[
        "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, room INT)",
        "ALTER TABLE guest ADD COLUMN floor INT NULL, ADD COLUMN door INT NOT NULL DEFAULT 4",
    ];
    for database in databases(&[]).await {
        start(&database, migrating(&[statements])).await;
        run(&database, "INSERT INTO guest (floor) VALUES (1)").await;
        let recorded = "SELECT CAST(version AS CHAR) FROM edge_migrations_ledger ORDER BY version";
        let records = database.texts(recorded).await;
        run(&database, "ALTER TABLE guest DROP COLUMN door").await;
        let message = refusal(&database, migrating(&[statements])).await;
        assert!(message.contains(" guest: has no door,"), "{message}");
        assert!(!message.contains("DROP TABLE"), "{message}");
        let added = "ALTER TABLE `guest` ADD COLUMN door INT NOT NULL DEFAULT 4";
        assert!(message.contains(&format!("(`{added}`)")), "{message}");
        run(&database, added).await;
        start(&database, migrating(&[statements])).await;
        assert_eq!(database.texts(recorded).await, records);
        let row = "SELECT CONCAT(floor, ' ', door) FROM guest";
        assert_eq!(database.texts(row).await, ["1 4"]);
    }
}
