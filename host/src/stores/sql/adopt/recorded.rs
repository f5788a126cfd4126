//! Tables that are recorded as migrated and are not as their migrations left
//! them: an older database was restored over them, say.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::AlterTableOperation as Op;
use sqlx::MySqlConnection;

use super::inspect;
use super::reconcile::plain;
use super::report::Finding;
use crate::stores::sql::guard::migration::{AlterKind, ParsedStatement, parse};

/// Tables and their columns, all in lower case.
pub(super) type Columns = BTreeMap<String, BTreeSet<String>>;

/// Returns what the tables lack that these statements, which have run, made;
/// `records` is the table that says that they have.
///
/// # Errors
/// Those of the driver.
pub(in crate::stores::sql) async fn lacking<'a>(
    connection: &mut MySqlConnection,
    statements: impl IntoIterator<Item = &'a str>,
    records: &str,
) -> sqlx::Result<Vec<Finding>> {
    let expected = left_by(statements);
    let names: Vec<_> = expected.keys().map(String::as_str).collect();
    let live = inspect::columns(connection, &names).await?;
    let mut findings = Vec::new();
    for (table, columns) in &expected {
        let text = match live.get(table) {
            None => "is gone".to_owned(),
            Some(live) => match columns.difference(live).cloned().collect::<Vec<_>>() {
                missing if missing.is_empty() => continue,
                missing => format!("has no {}", missing.join(", ")),
            },
        };
        let text = format!(
            "{text}, though `{records}` says that the migrations made that, as after an older \
             database was restored; without the records, all of them are compared with the \
             tables, and run"
        );
        let remedy = vec![format!("DROP TABLE IF EXISTS `{records}`")];
        findings.push(Finding::obstacle(table, "", text, remedy));
    }
    Ok(findings)
}

/// The columns that the statements leave, one after the other.
fn left_by<'a>(statements: impl IntoIterator<Item = &'a str>) -> Columns {
    let mut columns = Columns::new();
    for text in statements {
        match parse(text) {
            Ok(ParsedStatement::CreateTable(create)) => {
                let table = plain(&create.name.to_string()).to_ascii_lowercase();
                let names = create.columns.iter().map(|it| lower(&it.name.value));
                columns.entry(table).or_default().extend(names);
            }
            Ok(ParsedStatement::Alter { table, changes }) => {
                let columns = columns.entry(table.to_ascii_lowercase()).or_default();
                for change in &changes {
                    if let AlterKind::Operation(operation) = &change.kind {
                        change_columns(columns, operation);
                    }
                }
            }
            _ => {}
        }
    }
    columns.retain(|_, columns| !columns.is_empty());
    columns
}

fn change_columns(columns: &mut BTreeSet<String>, operation: &Op) {
    match operation {
        Op::AddColumn { column_def, .. } => {
            columns.insert(lower(&column_def.name.value));
        }
        Op::ChangeColumn {
            old_name, new_name, ..
        } => {
            columns.remove(&lower(&old_name.value));
            columns.insert(lower(&new_name.value));
        }
        Op::RenameColumn {
            old_column_name,
            new_column_name,
        } => {
            columns.remove(&lower(&old_column_name.value));
            columns.insert(lower(&new_column_name.value));
        }
        Op::DropColumn { column_names, .. } => {
            for name in column_names {
                columns.remove(&lower(&name.value));
            }
        }
        _ => {}
    }
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
            "ALTER TABLE guest CHANGE COLUMN tag label INT NULL",
            "ALTER TABLE stay ENGINE = InnoDB",
            "UPDATE guest SET label = 1",
        ]);
        let guest: Vec<_> = left["guest"].iter().map(String::as_str).collect();
        assert_eq!(guest, ["called", "id", "label"]);
        assert!(!left.contains_key("stay"));
    }
}
