//! Reads what the schema of a server's database says about following the changes of its tables.

use std::collections::HashMap;
use std::time::Instant;

use futures_util::FutureExt;
use sqlx::MySqlConnection;

use super::MySqlDatabase;
use super::failed::Failed;
use super::pooled_connection::PooledConnection;
use crate::sql::Result;
use crate::sql::versions::{SchemaFacts, TableFacts, Untracked, mentions};

const TABLES: &str = "SELECT CAST(table_name AS CHAR), CAST(table_type AS CHAR) \
    FROM information_schema.tables WHERE table_schema = DATABASE()";

const KEYS: &str = "SELECT CAST(table_name AS CHAR), CAST(MAX(column_name) AS CHAR) \
    FROM information_schema.columns WHERE table_schema = DATABASE() AND column_key = 'PRI' \
    GROUP BY table_name HAVING COUNT(*) = 1 AND MAX(COALESCE(generation_expression, '')) = '' \
    AND MAX(data_type) IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint')";

// `DEFAULT_GENERATED` is MySQL's word for a default that is an expression.
const DERIVING: &str = "SELECT DISTINCT CAST(table_name AS CHAR) FROM information_schema.columns \
    WHERE table_schema = DATABASE() AND (COALESCE(generation_expression, '') <> '' \
    OR LOWER(extra) LIKE '%on update%' OR LOWER(extra) LIKE '% generated%')";

const ACTIONS: &str = "SELECT DISTINCT CAST(table_name AS CHAR) \
    FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() \
    AND (update_rule NOT IN ('NO ACTION', 'RESTRICT') OR delete_rule NOT IN ('NO ACTION', 'RESTRICT'))";

const TRIGGERS: &str = "SELECT CONCAT(event_object_table, ' ', action_statement) \
    FROM information_schema.triggers";

impl MySqlDatabase {
    /// Reads the facts of `tables`. Tables that do not exist have none.
    ///
    /// A user without the privilege TRIGGER sees no triggers.
    pub(in crate::sql) async fn schema_facts(
        &self,
        tables: Vec<String>,
        deadline: Instant,
    ) -> Result<SchemaFacts> {
        let reading = async {
            let mut pooled = PooledConnection::take(&self.pool).await?;
            let facts = read(&mut pooled, tables).await.map_err(Failed::Driver);
            pooled.note(&facts);
            facts
        };
        self.health.call(deadline, reading.boxed()).await
    }
}

async fn read(connection: &mut MySqlConnection, tables: Vec<String>) -> sqlx::Result<SchemaFacts> {
    let kinds: HashMap<String, String> = pairs(connection, TABLES).await?;
    let mut keys = pairs(connection, KEYS).await?;
    let deriving = names(connection, DERIVING).await?;
    let actions = names(connection, ACTIONS).await?;
    let triggers = names(connection, TRIGGERS).await?;
    let mut facts = SchemaFacts::default();
    for table in tables {
        let Some(kind) = kinds.get(&table) else {
            continue;
        };
        let untracked = if kind != "BASE TABLE" {
            Some(Untracked::NoTable)
        } else if triggers.iter().any(|trigger| mentions(trigger, &table)) {
            Some(Untracked::Trigger)
        } else if actions.contains(&table) {
            Some(Untracked::Cascade)
        } else {
            None
        };
        let one = TableFacts {
            key: keys.remove(&table),
            untracked,
            derives: deriving.contains(&table),
        };
        facts.add(table, one);
    }
    Ok(facts)
}

async fn pairs(
    connection: &mut MySqlConnection,
    text: &'static str,
) -> sqlx::Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> = sqlx::query_as(text).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

async fn names(connection: &mut MySqlConnection, text: &'static str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(text).fetch_all(connection).await
}
