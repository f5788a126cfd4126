//! Reads the definitions of a database's tables from `information_schema`.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::column::Column;
use super::column_type::ColumnType;
use super::schema::{ForeignKey, Key, KeyPart, Schema, Table, Trigger};
use crate::sql::mysql::Server;

// The names of columns in `information_schema` differ in case between servers,
// and so do their types. `{names}` stands for the names of the tables that are
// read, since a server opens each table that it reports on.

const TABLES: &str = "SELECT CAST(table_name AS CHAR), CAST(table_type AS CHAR), \
    CAST(COALESCE(engine, '') AS CHAR), CAST(COALESCE(row_format, '') AS CHAR), \
    CAST(COALESCE(table_collation, '') AS CHAR), CAST(COALESCE(table_rows, 0) AS UNSIGNED), \
    CAST(COALESCE(data_length, 0) + COALESCE(index_length, 0) AS UNSIGNED) \
    FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ({names})";

const COLUMNS: &str = "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), \
    CAST(column_type AS CHAR), CAST(character_set_name AS CHAR), CAST(collation_name AS CHAR), \
    CAST(is_nullable AS CHAR), CAST(column_default AS CHAR), CAST(extra AS CHAR), \
    CAST(COALESCE(generation_expression, '') AS CHAR), CAST(column_comment AS CHAR) \
    FROM information_schema.columns \
    WHERE table_schema = DATABASE() AND table_name IN ({names}) \
    ORDER BY table_name, ordinal_position";

const COLUMN_NAMES: &str = "SELECT CAST(LOWER(table_name) AS CHAR), \
    CAST(LOWER(column_name) AS CHAR) FROM information_schema.columns \
    WHERE table_schema = DATABASE() AND table_name IN ({names})";

const KEYS: &str = "SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), \
    CAST(non_unique AS UNSIGNED), CAST(COALESCE(column_name, '') AS CHAR), \
    CAST(sub_part AS UNSIGNED), CAST(index_type AS CHAR) \
    FROM information_schema.statistics \
    WHERE table_schema = DATABASE() AND table_name IN ({names}) \
    ORDER BY table_name, index_name, seq_in_index";

// Without a list of columns, `PARTITION BY KEY ()` uses those of the primary
// key.
const PARTITIONS: &str = "SELECT DISTINCT CAST(table_name AS CHAR), \
    CAST(COALESCE(partition_expression, '') AS CHAR), \
    CAST(COALESCE(subpartition_expression, '') AS CHAR) \
    FROM information_schema.partitions \
    WHERE table_schema = DATABASE() AND partition_name IS NOT NULL AND table_name IN ({names})";

const FOREIGN_KEYS: &str = "SELECT CAST(constraint_name AS CHAR), CAST(table_name AS CHAR), \
    CAST(column_name AS CHAR), CAST(referenced_table_name AS CHAR), \
    CAST(referenced_column_name AS CHAR) \
    FROM information_schema.key_column_usage \
    WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL \
    AND (table_name IN ({names}) OR referenced_table_name IN ({names})) \
    ORDER BY table_name, constraint_name, ordinal_position";

const CHECKS: &str = "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR) \
    FROM information_schema.table_constraints \
    WHERE table_schema = DATABASE() AND constraint_type = 'CHECK' AND table_name IN ({names})";

// MariaDB only, where checks of columns have the columns' names.
const COLUMN_CHECKS: &str = "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), \
    CAST(check_clause AS CHAR) FROM information_schema.check_constraints \
    WHERE constraint_schema = DATABASE() AND level = 'Column' AND table_name IN ({names})";

const TRIGGERS: &str = "SELECT CAST(event_object_table AS CHAR), CAST(trigger_name AS CHAR), \
    CAST(event_manipulation AS CHAR), CAST(action_timing AS CHAR) \
    FROM information_schema.triggers \
    WHERE event_object_schema = DATABASE() AND event_object_table IN ({names})";

/// Tables and their columns, all in lower case.
type Columns = BTreeMap<String, BTreeSet<String>>;

/// Types of indexes that cannot look up values.
const SPECIAL: [&str; 2] = ["FULLTEXT", "SPATIAL"];

/// Reads the tables of these names in the connection's database. The names are
/// those of grants: letters, digits and underscores.
///
/// # Errors
/// Errors of the driver.
pub(super) async fn schema(
    connection: &mut MySqlConnection,
    server: Server,
    names: &[&str],
) -> sqlx::Result<Schema> {
    if names.is_empty() {
        return Ok(Schema::default());
    }
    let mut reader = Reader::new(connection, names);
    let mut schema = reader.tables().await?;
    if schema.tables.is_empty() {
        return Ok(schema);
    }
    reader.add_columns(&mut schema, server).await?;
    reader.add_keys(&mut schema).await?;
    reader.add_checks(&mut schema, server).await?;
    reader.add_triggers(&mut schema).await?;
    reader.add_foreign_keys(&mut schema).await?;
    Ok(schema)
}

/// Reads the names of the columns of these tables, all in lower case.
///
/// # Errors
/// Errors of the driver.
pub(super) async fn columns(
    connection: &mut MySqlConnection,
    names: &[&str],
) -> sqlx::Result<Columns> {
    let mut columns = Columns::new();
    if names.is_empty() {
        return Ok(columns);
    }
    let mut reader = Reader::new(connection, names);
    for row in reader.rows(COLUMN_NAMES).await? {
        let table = columns.entry(row.try_get(0)?).or_default();
        table.insert(row.try_get(1)?);
    }
    Ok(columns)
}

/// Reads what `information_schema` has on some tables.
struct Reader<'a> {
    connection: &'a mut MySqlConnection,
    /// Names of the tables, in quotes.
    names: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(connection: &'a mut MySqlConnection, names: &[&str]) -> Self {
        Self {
            connection,
            names: names.iter().map(|name| format!("'{name}'")).collect(),
        }
    }

    async fn tables(&mut self) -> sqlx::Result<Schema> {
        let mut schema = Schema::default();
        for row in self.rows(TABLES).await? {
            let table = table(&row)?;
            schema.tables.insert(table.name.clone(), table);
        }
        Ok(schema)
    }

    async fn add_columns(&mut self, schema: &mut Schema, server: Server) -> sqlx::Result<()> {
        for row in self.rows(COLUMNS).await? {
            if let Some(table) = schema.table_mut(row.try_get(0)?) {
                table.columns.push(column(&row, server)?);
            }
        }
        Ok(())
    }

    /// Adds keys, and the columns by which tables are partitioned.
    async fn add_keys(&mut self, schema: &mut Schema) -> sqlx::Result<()> {
        for row in self.rows(KEYS).await? {
            if let Some(table) = schema.table_mut(row.try_get(0)?) {
                add_key_part(table, &row)?;
            }
        }
        for row in self.rows(PARTITIONS).await? {
            if let Some(table) = schema.table_mut(row.try_get(0)?) {
                let (parts, subparts): (String, String) = (row.try_get(1)?, row.try_get(2)?);
                table.partitioned_by = Some(format!("{parts} {subparts}"));
            }
        }
        Ok(())
    }

    async fn add_checks(&mut self, schema: &mut Schema, server: Server) -> sqlx::Result<()> {
        for row in self.rows(CHECKS).await? {
            if let Some(table) = schema.table_mut(row.try_get(0)?) {
                table.checks.push(row.try_get(1)?);
            }
        }
        if server != Server::MariaDb {
            return Ok(());
        }
        for row in self.rows(COLUMN_CHECKS).await? {
            let (name, check): (String, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
            let table = schema.table_mut(row.try_get(0)?);
            if let Some(column) = table.and_then(|table| table.column_mut(&name)) {
                column.check = check;
            }
        }
        Ok(())
    }

    async fn add_triggers(&mut self, schema: &mut Schema) -> sqlx::Result<()> {
        for row in self.rows(TRIGGERS).await? {
            if let Some(table) = schema.table_mut(row.try_get(0)?) {
                table.triggers.push(Trigger {
                    name: row.try_get(1)?,
                    event: row.try_get(2)?,
                    timing: row.try_get(3)?,
                });
            }
        }
        Ok(())
    }

    /// Adds each foreign key to both of its tables.
    async fn add_foreign_keys(&mut self, schema: &mut Schema) -> sqlx::Result<()> {
        for key in foreign_keys(&self.rows(FOREIGN_KEYS).await?)? {
            for name in [&key.table, &key.referenced_table] {
                if let Some(table) = schema.table_mut(name)
                    && !table.foreign_keys.contains(&key)
                {
                    table.foreign_keys.push(key.clone());
                }
            }
        }
        Ok(())
    }

    async fn rows(&mut self, text: &str) -> sqlx::Result<Vec<MySqlRow>> {
        let text = text.replace("{names}", &self.names.join(", "));
        let asking = sqlx::query(AssertSqlSafe(text));
        asking.fetch_all(&mut *self.connection).await
    }
}

fn table(row: &MySqlRow) -> sqlx::Result<Table> {
    let kind: String = row.try_get(1)?;
    Ok(Table {
        name: row.try_get(0)?,
        is_view: kind.contains("VIEW"),
        engine: row.try_get(2)?,
        row_format: row.try_get(3)?,
        collation: row.try_get(4)?,
        rows: row.try_get(5)?,
        bytes: row.try_get(6)?,
        is_there: true,
        ..Table::default()
    })
}

fn column(row: &MySqlRow, server: Server) -> sqlx::Result<Column> {
    let type_text: String = row.try_get(2)?;
    let nullable: String = row.try_get(5)?;
    let extra: String = row.try_get::<String, _>(7)?.to_ascii_lowercase();
    let generation: String = row.try_get(8)?;
    let kind = ColumnType::parse(&type_text);
    let default: Option<String> = row.try_get(6)?;
    let default = default.and_then(|text| default_as_sql(text, &kind, &extra, server));
    let on_update = extra.split_once("on update ").map(|(_, value)| {
        let value = value.split(' ').next().unwrap_or_default();
        value.to_owned()
    });
    Ok(Column {
        name: row.try_get(1)?,
        kind,
        type_text,
        charset: row.try_get(3)?,
        collation: row.try_get(4)?,
        nullable: nullable == "YES",
        default,
        on_update,
        auto_increment: extra.contains("auto_increment"),
        generated: !generation.is_empty(),
        comment: row.try_get(9)?,
        is_invisible: extra.contains("invisible"),
        check: None,
        is_there: true,
    })
}

/// Converts a column's default to SQL. MariaDB reports it as SQL, MySQL as a
/// value or an expression.
fn default_as_sql(text: String, kind: &ColumnType, extra: &str, server: Server) -> Option<String> {
    match server {
        Server::MariaDb => (text != "NULL").then_some(text),
        Server::MySql => {
            let is_clock = text.to_ascii_lowercase().starts_with("current_timestamp");
            Some(match extra.contains("default_generated") {
                true if is_clock => text,
                // Quotes within an expression are preceded by a backslash.
                true => format!("({})", text.replace("\\'", "'")),
                false if kind.is_number() || kind.is_counted() => text,
                // A backslash escapes in the sessions of migrations.
                false => {
                    let text = text.replace('\\', r"\\").replace('\'', "''");
                    format!("'{text}'")
                }
            })
        }
    }
}

fn add_key_part(table: &mut Table, row: &MySqlRow) -> sqlx::Result<()> {
    let name: String = row.try_get(1)?;
    let part = KeyPart {
        column: row.try_get(3)?,
        prefix: row.try_get(4)?,
    };
    match table.keys.last_mut().filter(|key| key.name == name) {
        Some(key) => key.parts.push(part),
        None => table.keys.push(Key {
            name,
            unique: row.try_get::<u64, _>(2)? == 0,
            is_special: SPECIAL.contains(&row.try_get(5)?),
            parts: vec![part],
        }),
    }
    Ok(())
}

fn foreign_keys(rows: &[MySqlRow]) -> sqlx::Result<Vec<ForeignKey>> {
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        let (name, table): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (column, referenced): (String, String) = (row.try_get(2)?, row.try_get(4)?);
        match keys
            .last_mut()
            .filter(|key| key.name == name && key.table == table)
        {
            Some(key) => {
                key.columns.push(column);
                key.referenced_columns.push(referenced);
            }
            None => keys.push(ForeignKey {
                name,
                table,
                columns: vec![column],
                referenced_table: row.try_get(3)?,
                referenced_columns: vec![referenced],
            }),
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_escaped_where_the_server_says_its_value() {
        let kind = ColumnType::parse("varchar(20)");
        let default = |text: &str, server| default_as_sql(text.to_owned(), &kind, "", server);
        let of_mysql = default(r"App\it's", Server::MySql);
        assert_eq!(of_mysql.as_deref(), Some(r"'App\\it''s'"));
        let of_mariadb = default(r"'App\\User'", Server::MariaDb);
        assert_eq!(of_mariadb.as_deref(), Some(r"'App\\User'"));
    }
}
