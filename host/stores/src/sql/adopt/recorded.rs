//! Detects tables that are recorded as migrated but lack what their migrations
//! created, for example because an older database was restored over them.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    AlterTableOperation as Op, ColumnDef, ColumnOption, ColumnOptionDef, DataType, Ident,
};
use sqlx::MySqlConnection;

use super::inspect;
use super::names::plain;
use super::report::Finding;
use crate::sql::guard::migration::{AlterKind, ParsedStatement, parse};

/// State of a table after a series of statements.
#[derive(Debug, Default)]
struct Left {
    /// Columns in the order of their creation.
    columns: Vec<LeftColumn>,
}

/// A column after a series of statements.
#[derive(Debug)]
struct LeftColumn {
    definition: ColumnDef,
    /// True if the column was added to an existing table.
    is_added: bool,
}

/// Returns tables and columns that are missing although these statements, which
/// have run, created them; `records` is the table that records the run.
///
/// # Errors
/// Errors of the driver.
pub(in crate::sql) async fn lacking<'a>(
    connection: &mut MySqlConnection,
    statements: impl IntoIterator<Item = &'a str>,
    records: &str,
) -> sqlx::Result<Vec<Finding>> {
    let expected = left_by(statements);
    let names: Vec<_> = expected.keys().map(String::as_str).collect();
    let live = inspect::columns(connection, &names).await?;
    let all = expected.iter();
    let findings = all.filter_map(|(table, left)| left.lacking(table, live.get(table), records));
    Ok(findings.collect())
}

impl Left {
    /// Returns the columns that the table lacks as a finding, if it lacks any.
    fn lacking(
        &self,
        table: &str,
        live: Option<&BTreeSet<String>>,
        records: &str,
    ) -> Option<Finding> {
        let Some(live) = live else {
            return Some(not_as_recorded(table, "is gone", records));
        };
        let columns = self.columns.iter();
        let missing = columns.filter(|column| !live.contains(&column.name()));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return None;
        }
        let names: BTreeSet<_> = missing.iter().map(|column| column.name()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let text = format!("has no {}", names.join(", "));
        Some(match self.is_without_all_added(&missing) {
            true => not_as_recorded(table, &text, records),
            false => without_columns(table, &text, &missing, records),
        })
    }

    /// Returns whether all columns that the statements add to an existing table
    /// are missing, as in a table on which they have not run.
    fn is_without_all_added(&self, missing: &[&LeftColumn]) -> bool {
        let added = |column: &&LeftColumn| column.is_added;
        match self.columns.iter().filter(added).count() {
            0 => missing.len() == self.columns.len(),
            count => missing.iter().copied().filter(added).count() == count,
        }
    }

    fn set(&mut self, definition: ColumnDef, is_added: bool) {
        match self.column_mut(&definition.name.value) {
            Some(column) => column.definition = definition,
            None => self.columns.push(LeftColumn {
                definition,
                is_added,
            }),
        }
    }

    fn column_mut(&mut self, name: &str) -> Option<&mut LeftColumn> {
        let mut columns = self.columns.iter_mut();
        columns.find(|column| column.name() == lower(name))
    }

    fn change(&mut self, operation: &Op) {
        match operation {
            Op::AddColumn { column_def, .. } => self.set(column_def.clone(), true),
            Op::ModifyColumn {
                col_name,
                data_type,
                options,
                ..
            } if self.column_mut(&col_name.value).is_some() => {
                self.restate(col_name, col_name, (data_type, options));
            }
            Op::ChangeColumn {
                old_name,
                new_name,
                data_type,
                options,
                ..
            } => self.restate(old_name, new_name, (data_type, options)),
            Op::RenameColumn {
                old_column_name,
                new_column_name,
            } => {
                if let Some(column) = self.column_mut(&old_column_name.value) {
                    column.definition.name.clone_from(new_column_name);
                }
            }
            Op::DropColumn { column_names, .. } => {
                let is_dropped = |column: &LeftColumn| {
                    let mut names = column_names.iter();
                    names.any(|name| lower(&name.value) == column.name())
                };
                self.columns.retain(|column| !is_dropped(column));
            }
            _ => {}
        }
    }

    /// Gives a column another name and definition.
    fn restate(
        &mut self,
        old: &Ident,
        new: &Ident,
        (data_type, options): (&DataType, &[ColumnOption]),
    ) {
        let options = options.iter().cloned();
        let definition = ColumnDef {
            name: new.clone(),
            data_type: data_type.clone(),
            options: options
                .map(|option| ColumnOptionDef { name: None, option })
                .collect(),
        };
        match self.column_mut(&old.value) {
            Some(column) => column.definition = definition,
            None => self.set(definition, false),
        }
    }
}

impl LeftColumn {
    fn name(&self) -> String {
        lower(&self.definition.name.value)
    }
}

/// Reports a table on which the statements seem not to have run.
fn not_as_recorded(table: &str, text: &str, records: &str) -> Finding {
    let text = format!(
        "{text}, though `{records}` says that the migrations made that, as after an older \
         database was restored; without the records, all of them are compared with the \
         tables, and run"
    );
    let remedy = vec![format!("DROP TABLE IF EXISTS `{records}`")];
    Finding::obstacle(table, "", text, remedy)
}

/// Reports a table that lacks some of its columns. They are added in the order
/// of their creation, since generated columns follow those that they use.
fn without_columns(table: &str, text: &str, missing: &[&LeftColumn], records: &str) -> Finding {
    let text = format!(
        "{text}, though `{records}` says that the migrations made that; the statements add what \
         is missing, without the values and keys that it had"
    );
    let remedy = missing
        .iter()
        .map(|column| format!("ALTER TABLE `{table}` ADD COLUMN {}", column.definition));
    Finding::obstacle(table, "", text, remedy.collect())
}

/// Returns the state of each table after the statements.
fn left_by<'a>(statements: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Left> {
    let mut tables: BTreeMap<String, Left> = BTreeMap::new();
    for text in statements {
        match parse(text) {
            Ok(ParsedStatement::CreateTable(create)) => {
                let table = lower(&plain(&create.name.to_string()));
                let left = tables.entry(table).or_default();
                for definition in &create.columns {
                    left.set(definition.clone(), false);
                }
            }
            Ok(ParsedStatement::Alter { table, changes }) => {
                let left = tables.entry(lower(&table)).or_default();
                for change in &changes {
                    if let AlterKind::Operation(operation) = &change.kind {
                        left.change(operation);
                    }
                }
            }
            _ => {}
        }
    }
    tables.retain(|_, left| !left.columns.is_empty());
    tables
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_after_the_last_statement() {
        let left = left_by([
            "CREATE TABLE guest (id INT NOT NULL PRIMARY KEY, name VARCHAR(50), Room INT)",
            "ALTER TABLE guest ADD COLUMN tag INT, RENAME COLUMN name TO called, DROP COLUMN room",
            "ALTER TABLE guest CHANGE COLUMN tag label BIGINT NULL",
            "ALTER TABLE stay ENGINE = InnoDB",
            "UPDATE guest SET label = 1",
        ]);
        let guest = left["guest"].columns.iter();
        let guest: Vec<_> = guest.map(|it| it.definition.to_string()).collect();
        assert_eq!(
            guest,
            [
                "id INT NOT NULL PRIMARY KEY",
                "called VARCHAR(50)",
                "label BIGINT NULL"
            ]
        );
        assert!(!left.contains_key("stay"));
    }

    fn remedy(live: &[&str]) -> Vec<String> {
        let left = left_by([
            "CREATE TABLE IF NOT EXISTS guest (id INT NOT NULL PRIMARY KEY, name VARCHAR(50))",
            "ALTER TABLE guest ADD COLUMN tag INT NOT NULL DEFAULT 3, ADD COLUMN floor INT NULL",
        ]);
        let live: BTreeSet<_> = live.iter().map(|name| (*name).to_owned()).collect();
        let finding = left["guest"].lacking("guest", Some(&live), "records");
        finding.map(|it| it.remedy).unwrap_or_default()
    }

    #[test]
    fn a_column_that_is_missing_is_added_and_the_records_stay() {
        assert_eq!(
            remedy(&["id", "name", "floor"]),
            ["ALTER TABLE `guest` ADD COLUMN tag INT NOT NULL DEFAULT 3"]
        );
        assert_eq!(
            remedy(&["id", "tag", "floor"]),
            ["ALTER TABLE `guest` ADD COLUMN name VARCHAR(50)"]
        );
        assert!(remedy(&["id", "name", "tag", "floor", "own"]).is_empty());
    }

    #[test]
    fn a_table_without_any_column_that_was_added_is_one_from_before() {
        let records = ["DROP TABLE IF EXISTS `records`"];
        assert_eq!(remedy(&["id", "name"]), records);
        assert_eq!(remedy(&["id"]), records);
        let left = left_by(["CREATE TABLE guest (id INT)"]);
        let gone = left["guest"].lacking("guest", None, "records");
        assert_eq!(gone.map(|it| it.remedy), Some(vec![records[0].to_owned()]));
    }
}
