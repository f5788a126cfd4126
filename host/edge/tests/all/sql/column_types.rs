//! What a plugin reads of each type that a column of MariaDB or MySQL may have,
//! and of values that no statement of a plugin stores: tables may be older than
//! the shop, and not one of their values makes a query fail.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::{Ledger, Store};
use crate::harness::{TestNode, variant};

/// A column's type, a value as SQL, and what the plugin reads.
type Case = (&'static str, &'static str, fn() -> Value);

fn text(text: &str) -> Value {
    json!({ "text": text })
}

fn integer(number: i64) -> Value {
    json!({ "integer": number })
}

fn real(number: f64) -> Value {
    json!({ "real": number })
}

fn blob(hex: &str) -> Value {
    json!({ "blob": hex })
}

fn null() -> Value {
    Value::Null
}

/// Dates and times, and what servers store in place of some.
const TEMPORAL: &[Case] = &[
    ("DATE", "'2019-07-21'", || text("2019-07-21")),
    ("DATE", "'0000-00-00'", null),
    ("DATE", "'2019-00-00'", null),
    ("DATE", "'2019-07-00'", null),
    ("DATE", "'0001-01-01'", || text("0001-01-01")),
    ("DATE", "'9999-12-31'", || text("9999-12-31")),
    ("DATETIME", "'2019-07-21 08:56:02'", || {
        text("2019-07-21T08:56:02.000Z")
    }),
    ("DATETIME", "'2019-07-21'", || {
        text("2019-07-21T00:00:00.000Z")
    }),
    ("DATETIME", "'0000-00-00 00:00:00'", null),
    ("DATETIME", "'2019-00-00 00:00:00'", null),
    ("DATETIME", "'2019-00-00 08:56:02'", null),
    ("DATETIME(6)", "'2019-07-00 08:56:02.123456'", null),
    ("DATETIME(6)", "'2019-07-21 08:56:02.123456'", || {
        text("2019-07-21T08:56:02.123Z")
    }),
    ("TIMESTAMP NULL", "'2019-07-21 08:56:02'", || {
        text("2019-07-21T08:56:02.000Z")
    }),
    ("TIMESTAMP NULL", "'0000-00-00 00:00:00'", null),
    ("TIME", "'08:56:02'", || text("08:56:02")),
    ("TIME", "'00:00:00'", || text("00:00:00")),
    ("TIME(3)", "'08:56:02.5'", || text("08:56:02.500")),
    ("TIME(6)", "'08:56:02.123456'", || text("08:56:02.123456")),
    ("TIME", "'-08:56:02'", || text("-08:56:02")),
    ("TIME", "'838:59:59'", || text("838:59:59")),
    ("TIME", "'-838:59:59'", || text("-838:59:59")),
    ("TIME", "'999:59:59'", || text("838:59:59")),
    ("YEAR", "2019", || integer(2019)),
    ("YEAR", "0", || integer(0)),
];

/// Numbers of every size and kind.
const NUMERIC: &[Case] = &[
    ("TINYINT", "-128", || integer(-128)),
    ("TINYINT(1)", "1", || integer(1)),
    ("TINYINT(1)", "-1", || integer(-1)),
    ("TINYINT(1) UNSIGNED", "200", || integer(200)),
    ("BOOLEAN", "TRUE", || integer(1)),
    ("TINYINT UNSIGNED", "255", || integer(255)),
    ("SMALLINT UNSIGNED", "65535", || integer(65_535)),
    ("MEDIUMINT", "-8388608", || integer(-8_388_608)),
    ("MEDIUMINT UNSIGNED", "16777215", || integer(16_777_215)),
    ("INT(5) ZEROFILL", "42", || integer(42)),
    ("INT UNSIGNED", "4294967295", || integer(4_294_967_295)),
    ("BIGINT", "-9223372036854775808", || integer(i64::MIN)),
    ("BIGINT UNSIGNED", "9223372036854775807", || {
        integer(i64::MAX)
    }),
    ("BIGINT UNSIGNED", "18446744073709551615", || {
        text("18446744073709551615")
    }),
    ("BIT(1)", "b'1'", || integer(1)),
    ("BIT(12)", "b'101010101010'", || integer(0xaaa)),
    ("BIT(64)", "~0", || text("18446744073709551615")),
    ("DECIMAL(10, 2)", "14.9", || text("14.90")),
    ("DECIMAL(12, 4)", "-14.99505", || text("-14.9951")),
    ("DECIMAL(5, 0)", "15", || text("15")),
    ("DECIMAL(65, 30)", "0.1", || {
        text("0.100000000000000000000000000000")
    }),
    ("FLOAT", "14.99", || real(14.99)),
    ("FLOAT", "74.97", || real(74.97)),
    ("FLOAT(10, 2)", "19.999", || real(20.0)),
    ("FLOAT", "-0.1", || real(-0.1)),
    ("DOUBLE", "14.99", || real(14.99)),
    ("DOUBLE", "1e300", || real(1e300)),
];

/// Texts and bytes.
const OTHER: &[Case] = &[
    ("CHAR(10)", "'x'", || text("x")),
    ("CHAR(10) CHARACTER SET latin1", "'café €'", || {
        text("café €")
    }),
    (
        "VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_bin",
        "'Ü'",
        || text("Ü"),
    ),
    ("VARCHAR(10) CHARACTER SET ascii", "'x'", || text("x")),
    ("VARCHAR(10) CHARACTER SET utf8mb3", "'長'", || text("長")),
    ("VARCHAR(10) CHARACTER SET utf16", "'長'", || text("長")),
    ("VARCHAR(10) COLLATE utf8mb4_bin", "'👕'", || text("👕")),
    ("VARCHAR(10)", "'2'", || text("2")),
    ("TINYTEXT", "'x'", || text("x")),
    ("TEXT CHARACTER SET latin1", "'Très bien.'", || {
        text("Très bien.")
    }),
    ("MEDIUMTEXT", "''", || text("")),
    ("LONGTEXT", "'x'", || text("x")),
    ("ENUM('new', 'paid')", "'paid'", || text("paid")),
    ("ENUM('new', 'paid')", "'lost'", || text("")),
    ("ENUM('a', 'b') CHARACTER SET latin1", "'b'", || text("b")),
    ("SET('red', 'blue')", "'red,blue'", || text("red,blue")),
    ("SET('red', 'blue')", "''", || text("")),
    ("JSON", "'[1, 2]'", || text("[1, 2]")),
    ("BINARY(3)", "'x'", || blob("780000")),
    ("VARBINARY(3)", "x'00ff'", || blob("00ff")),
    ("TINYBLOB", "'x'", || blob("78")),
    ("BLOB", "'Très'", || blob("5472c3a873")),
    ("LONGBLOB", "''", || blob("")),
    ("GEOMETRY", "ST_GeomFromText('POINT(1 2)')", || {
        blob("000000000101000000000000000000f03f0000000000000040")
    }),
];

/// A node whose plugin may read the table `odd`, with each case in a column.
async fn ledger_with(store: Store, cases: &[Case]) -> Ledger {
    let url = store.server_url().expect("a server");
    let mut database = MySqlConnection::connect(&url).await.expect("a server");
    let columns = cases.iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(place, (column, ..))| format!("c{place} {column}"))
        .collect();
    let values: Vec<_> = cases.iter().map(|(_, value, _)| *value).collect();
    let statements = [
        // As an administrator has set it who lets everything in.
        "SET sql_mode = ''".to_owned(),
        format!(
            "CREATE TABLE odd ({}) DEFAULT CHARSET utf8mb4",
            columns.join(", ")
        ),
        format!("INSERT INTO odd VALUES ({})", values.join(", ")),
    ];
    for statement in statements {
        let done = database.execute(AssertSqlSafe(statement.clone())).await;
        done.unwrap_or_else(|error| panic!("{store:?}: {statement}: {error}"));
    }
    let reading = variant(
        "ledger",
        "[grants.database]\nread = ['ledger_entry', 'odd']",
    );
    let node = TestNode::start(&[reading], |settings| settings.database_url = url).await;
    Ledger { node }
}

async fn assert_read(store: Store, cases: &[Case]) {
    let ledger = ledger_with(store, cases).await;
    let mut wrong = Vec::new();
    for (place, (column, value, expected)) in cases.iter().enumerate() {
        let found = ledger.query(&format!("SELECT c{place} FROM odd")).await;
        if found["rows"] != json!([[expected()]]) {
            wrong.push(format!("{column} {value}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{store:?}: {wrong:#?}");
    // One after the other, and all at once.
    let all = ledger.query("SELECT * FROM odd").await;
    let expected: Vec<_> = cases.iter().map(|(_, _, expected)| expected()).collect();
    assert_eq!(all["rows"], json!([expected]), "{store:?}");
}

macro_rules! on_both_servers {
    ($($test:ident),*) => {
        on_both_servers! { mariadb MariaDb $($test)* }
        on_both_servers! { mysql MySql $($test)* }
    };
    ($module:ident $store:ident $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(crate::sql::Store::$store).await;
                }
            )*
        }
    };
}

on_both_servers! { dates_and_times, numbers, texts_and_bytes }

async fn dates_and_times(store: Store) {
    assert_read(store, TEMPORAL).await;
}

async fn numbers(store: Store) {
    assert_read(store, NUMERIC).await;
}

async fn texts_and_bytes(store: Store) {
    assert_read(store, OTHER).await;
}

/// SQLite stores whatever bytes it is told are text.
#[tokio::test]
async fn bytes_that_are_no_utf_8_are_replaced() {
    let ledger = Ledger::start(Store::Sqlite, "").await;
    let found = ledger
        .query("SELECT CAST(x'6361ff66' AS TEXT) AS broken, 1 AS whole")
        .await;
    let expected = json!([[text("ca\u{fffd}f"), integer(1)]]);
    assert_eq!(found["rows"], expected, "{found}");
}
