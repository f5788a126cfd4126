//! Names that existed before a plugin's first migration, and that no later
//! migration drops.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use super::inspect;
use super::schema::Schema;
use crate::sql::guard::TableGrant;
use crate::sql::mysql::Server;

/// Names of columns, keys and constraints, each prefixed with the name of its
/// table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sql) struct Kept(BTreeSet<String>);

impl Kept {
    /// Reads the names that are in the tables of the grant now.
    ///
    /// # Errors
    /// Errors of the driver.
    pub(in crate::sql) async fn read(
        connection: &mut MySqlConnection,
        server: Server,
        grant: &TableGrant,
    ) -> sqlx::Result<Self> {
        let granted: Vec<_> = grant.write.iter().map(String::as_str).collect();
        let schema = inspect::schema(connection, server, &granted).await?;
        Ok(Self::from(&schema))
    }

    /// Parses the output of [`Self::to_text`].
    pub(in crate::sql) fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Returns the names as text, for the record of them.
    pub(in crate::sql) fn to_text(&self) -> String {
        let names: Vec<_> = self.0.iter().map(String::as_str).collect();
        names.join(" ")
    }

    /// Returns whether nothing existed.
    pub(in crate::sql) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the column, key or constraint existed.
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

/// Returns the entry of a name. Blanks become underscores, since no name in a
/// migration has a blank.
fn entry(table: &str, name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(char::is_whitespace, "_");
    format!("{table}.{name}")
}
