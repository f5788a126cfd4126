//! Reads what the schema of a file says about following the changes of its tables.

use rusqlite::{Connection, OptionalExtension};

use super::SqliteDatabase;
use super::failure::Failure;
use crate::sql::Result;
use crate::sql::versions::{SchemaFacts, TableFacts, Untracked, mentions};

const OBJECT: &str = "SELECT type, COALESCE(sql, '') FROM sqlite_schema \
    WHERE lower(name) = ?1 AND type IN ('table', 'view')";

/// The only column of the primary key, if it is the table's rowid: other keys may hold values of any
/// type, and have an index.
const ROW_ID: &str = "SELECT MAX(name) FROM pragma_table_xinfo(?1) WHERE pk > 0 \
    HAVING COUNT(*) = 1 AND upper(MAX(type)) = 'INTEGER' \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')";

const HAS_GENERATED: &str =
    "SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden IN (2, 3))";

const HAS_ACTIONS: &str = "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) \
    WHERE on_update NOT IN ('NO ACTION', 'RESTRICT') OR on_delete NOT IN ('NO ACTION', 'RESTRICT'))";

const TRIGGERS: &str = "SELECT COALESCE(sql, '') FROM sqlite_schema WHERE type = 'trigger'";

impl SqliteDatabase {
    /// Reads the facts of `tables`. Tables that do not exist have none.
    pub(in crate::sql) async fn schema_facts(&self, tables: Vec<String>) -> Result<SchemaFacts> {
        let reading = self.run_as_host(move |connection| {
            connection.as_host(|connection| read(connection, tables))
        });
        reading.await.map_err(Failure::typed)
    }
}

fn read(connection: &Connection, tables: Vec<String>) -> std::result::Result<SchemaFacts, Failure> {
    let mut triggers = connection.prepare(TRIGGERS)?;
    let triggers = triggers.query_map([], |row| row.get::<_, String>(0))?;
    let triggers = triggers.collect::<std::result::Result<Vec<_>, _>>()?;
    let mut facts = SchemaFacts::default();
    for table in tables {
        if let Some(one) = table_facts(connection, &table, &triggers)? {
            facts.add(table, one);
        }
    }
    Ok(facts)
}

fn table_facts(
    connection: &Connection,
    table: &str,
    triggers: &[String],
) -> std::result::Result<Option<TableFacts>, Failure> {
    let object = connection.query_row(OBJECT, [table], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((kind, definition)): Option<(String, String)> = object.optional()? else {
        return Ok(None);
    };
    let definition = definition.to_ascii_uppercase();
    let is_true = |question: &str| connection.query_row(question, [table], |row| row.get(0));
    let untracked = if kind == "view" || definition.starts_with("CREATE VIRTUAL") {
        Some(Untracked::NoTable)
    } else if triggers.iter().any(|trigger| mentions(trigger, table)) {
        Some(Untracked::Trigger)
    } else if is_true(HAS_ACTIONS)? {
        Some(Untracked::Cascade)
    } else if definition.contains("REPLACE") {
        Some(Untracked::Replace)
    } else {
        None
    };
    let key = connection.query_row(ROW_ID, [table], |row| row.get(0));
    Ok(Some(TableFacts {
        key: key.optional()?,
        untracked,
        derives: is_true(HAS_GENERATED)?,
    }))
}
