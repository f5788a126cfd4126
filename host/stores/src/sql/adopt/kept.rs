//! What was there before a plugin's first migration, and is never dropped by a
//! later one.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use super::inspect;
use super::schema::Schema;
use crate::sql::guard::TableGrant;
use crate::sql::mysql::Server;

/// Names of columns, keys and constraints, each with its table's before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sql) struct Kept(BTreeSet<String>);

impl Kept {
    /// Returns what is in the tables of the grant now.
    ///
    /// # Errors
    /// Those of the driver.
    pub(in crate::sql) async fn read(
        connection: &mut MySqlConnection,
        server: Server,
        grant: &TableGrant,
    ) -> sqlx::Result<Self> {
        let granted: Vec<_> = grant.write.iter().map(String::as_str).collect();
        let schema = inspect::schema(connection, server, &granted).await?;
        Ok(Self::from(&schema))
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(in crate::sql) fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Returns the names, for a record of them.
    pub(in crate::sql) fn to_text(&self) -> String {
        let names: Vec<_> = self.0.iter().map(String::as_str).collect();
        names.join(" ")
    }

    /// Whether nothing was there.
    pub(in crate::sql) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the column, key or constraint was there.
    pub(super) fn has(&self, table: &str, name: &str) -> bool {
        self.0.contains(&entry(table, name))
    }
}

impl From<&Schema> for Kept {
    fn from(schema: &Schema) -> Self {
        let mut names = BTreeSet::new();
        for table in schema.tables.values() {
            let columns = table.columns.iter().map(|column| &column.name);
            let keys = table.keys.iter().map(|key| &key.name);
            let own = table
                .foreign_keys
                .iter()
                .filter(|it| it.table == table.name);
            let own = own.map(|key| &key.name);
            let all = columns.chain(keys).chain(own).chain(&table.checks);
            names.extend(all.map(|name| entry(&table.name, name)));
        }
        Self(names)
    }
}

/// Migrations name nothing with a blank in it.
fn entry(table: &str, name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(char::is_whitespace, "_");
    format!("{table}.{name}")
}
