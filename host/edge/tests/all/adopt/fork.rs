//! Dumps of forked shops, restored into a database of a test's own, and what
//! is in a database before and after.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};
use test_servers::{MariaDb, Redis};

use crate::catalog::database::Database;
use crate::shop::Stores;

/// MyISAM, latin1, zero dates.
pub const UMLAUTS: Fork = Fork {
    name: "umlauts",
    dump: include_str!("dumps/umlauts.sql"),
};

/// Columns of its own under the plugins' names, and foreign keys.
pub const COLUMNS: Fork = Fork {
    name: "columns",
    dump: include_str!("dumps/columns.sql"),
};

/// Long hashes, sums as FLOAT, prices that nobody set.
pub const WERKZEUG: Fork = Fork {
    name: "werkzeug",
    dump: include_str!("dumps/werkzeug.sql"),
};

/// Tables that are in the way.
pub const REQUIRED: Fork = Fork {
    name: "required",
    dump: include_str!("dumps/required.sql"),
};

/// utf8mb3, a view, a trigger, four decimals.
pub const DJANGO: Fork = Fork {
    name: "django",
    dump: include_str!("dumps/django.sql"),
};

/// A fork of the shop.
#[derive(Clone, Copy)]
pub struct Fork {
    pub name: &'static str,
    dump: &'static str,
}

impl Fork {
    /// Its dump in a new database of the server.
    pub async fn restore(&self, server: &MariaDb) -> Database {
        let database = Database::of(server);
        let mut connection = connect(&database.url).await;
        let restored = sqlx::raw_sql(self.dump).execute(&mut connection).await;
        restored.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        database
    }
}

/// The stores of a shop on this database.
pub fn stores(database: Database) -> Arc<Stores> {
    Arc::new(Stores::at(database, Redis::shared().database()))
}

async fn connect(url: &str) -> MySqlConnection {
    MySqlConnection::connect(url).await.expect("a server")
}

/// Run one statement as whoever keeps the database.
pub async fn run(database: &Database, statement: &str) {
    let mut connection = connect(&database.url).await;
    // As lax as the server was that took the rows.
    let text = AssertSqlSafe(format!("SET sql_mode = ''; {statement}"));
    let done = sqlx::raw_sql(text).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// How each table is defined, and its rows.
pub async fn everything(database: &Database) -> String {
    let mut connection = connect(&database.url).await;
    let mut text = String::new();
    for (table, columns) in tables(&mut connection).await {
        let show = AssertSqlSafe(format!("SHOW CREATE TABLE `{table}`"));
        let shown = sqlx::raw_sql(show).fetch_one(&mut connection).await;
        let shown: String = shown.expect("a table").try_get_unchecked(1).expect("text");
        text += &shown;
        text += "\n";
        for row in rows(&mut connection, &table, &columns).await {
            text += &format!("{row:?}\n");
        }
    }
    text
}

/// The tables and their columns, each with its type.
type Tables = BTreeMap<String, Vec<(String, String)>>;

/// The values of rows, NULL as `None`.
type Rows = Vec<Vec<Option<String>>>;

/// What a database held before a shop was opened on it.
pub struct Original {
    tables: Tables,
    rows: BTreeMap<String, Rows>,
}

impl Original {
    pub async fn read(database: &Database) -> Self {
        let mut connection = connect(&database.url).await;
        let tables = tables(&mut connection).await;
        let mut all = BTreeMap::new();
        for (table, columns) in &tables {
            let found = rows(&mut connection, table, columns).await;
            all.insert(table.clone(), found);
        }
        Self { tables, rows: all }
    }

    /// Check that each row is there with each of its values, but for those in
    /// columns (`table.column`) that a customer has changed.
    pub async fn assert_kept(&self, database: &Database, changed: &[&str]) {
        let mut connection = connect(&database.url).await;
        let now = tables(&mut connection).await;
        for (table, columns) in &self.tables {
            let now = &now[table];
            let is_compared = |(column, _): &&(String, String)| {
                !changed.contains(&format!("{table}.{column}").as_str())
            };
            let places = columns.iter().enumerate().filter(|(_, it)| is_compared(it));
            let places: Vec<_> = places.map(|(place, _)| place).collect();
            // The values of a column that had to be renamed are in another.
            let found = |place: &usize| {
                let (name, _) = &columns[*place];
                let own = format!("own_{name}");
                let found = now.iter().find(|(it, _)| *it == own);
                let found = found.or_else(|| now.iter().find(|(it, _)| it == name));
                found
                    .unwrap_or_else(|| panic!("{table}.{name} is lost"))
                    .clone()
            };
            let compared: Vec<_> = places.iter().map(found).collect();
            let after = rows(&mut connection, table, &compared).await;
            for row in &self.rows[table] {
                let row: Vec<_> = places.iter().map(|place| &row[*place]).collect();
                let is_row = |other: &Vec<Option<String>>| {
                    row.iter()
                        .zip(other)
                        .all(|(one, other)| are_same(one, other))
                };
                assert!(
                    after.iter().any(is_row),
                    "{table}: {row:?} is lost, there are {after:?}"
                );
            }
        }
    }
}

async fn tables(connection: &mut MySqlConnection) -> Tables {
    let text = "SELECT CAST(c.table_name AS CHAR), CAST(c.column_name AS CHAR), \
        CAST(c.data_type AS CHAR) FROM information_schema.columns c \
        JOIN information_schema.tables t ON t.table_schema = c.table_schema \
            AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' \
        WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position";
    let found = sqlx::query(text).fetch_all(connection).await;
    let mut tables = Tables::new();
    for row in found.expect("columns") {
        let text = |index: usize| row.try_get::<String, _>(index).expect("text");
        tables.entry(text(0)).or_default().push((text(1), text(2)));
    }
    tables
}

async fn rows(connection: &mut MySqlConnection, table: &str, columns: &[(String, String)]) -> Rows {
    let selected = columns.iter().map(|(name, kind)| match kind.as_str() {
        // As text, FLOAT has six digits.
        "float" | "double" => format!("CAST(CAST(`{name}` AS DECIMAL(20, 4)) AS CHAR)"),
        _ => format!("CAST(`{name}` AS CHAR)"),
    });
    let selected: Vec<_> = selected.collect();
    let text = format!("SELECT {} FROM `{table}`", selected.join(", "));
    let found = sqlx::raw_sql(AssertSqlSafe(text))
        .fetch_all(connection)
        .await;
    let found = found.expect("rows");
    let values = |row: &sqlx::mysql::MySqlRow| {
        let value = |index| {
            row.try_get_unchecked::<Option<String>, _>(index)
                .expect("text")
        };
        (0..row.len()).map(value).collect::<Vec<_>>()
    };
    let mut rows: Rows = found.iter().map(values).collect();
    rows.sort();
    rows
}

/// Whether two values are the same but for zeros at their end, which a wider
/// type has more of, and for what FLOAT does not tell apart.
fn are_same(one: &Option<String>, other: &Option<String>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one == other;
    };
    if let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) {
        return (one - other).abs() <= one.abs() * 0.000_000_05;
    }
    one == other
        || other
            .strip_suffix(" 00:00:00")
            .is_some_and(|date| date == one)
}
