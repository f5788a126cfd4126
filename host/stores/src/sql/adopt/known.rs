//! Tables and columns that a plugin's migrations create.

use std::collections::BTreeSet;

use sqlparser::ast::AlterTableOperation as Op;

use super::names::plain;
use crate::sql::guard::migration::{AlterKind, ParsedStatement, parse};

/// Columns that the statements of a release create, with its tables. The
/// columns of other tables are known to other plugins' migrations.
#[derive(Debug, Clone, Default)]
pub(in crate::sql) struct Known(BTreeSet<String>);

impl Known {
    /// Reads every statement of a release, including those that have run.
    pub(in crate::sql) fn read<'a>(statements: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        for text in statements {
            match parse(text) {
                Ok(ParsedStatement::CreateTable(create)) => {
                    let table = plain(&create.name.to_string());
                    known.add(&table, "");
                    for column in &create.columns {
                        known.add(&table, &column.name.value);
                    }
                }
                Ok(ParsedStatement::Alter { table, changes }) => {
                    for change in &changes {
                        if let AlterKind::Operation(operation) = &change.kind {
                            known.add_changed(&table, operation);
                        }
                    }
                }
                _ => {}
            }
        }
        known
    }

    /// Returns whether the statements create the table.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.has(table, "")
    }

    /// Returns whether the statements create the column.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.0.contains(&entry(table, column))
    }

    fn add(&mut self, table: &str, column: &str) {
        self.0.insert(entry(table, column));
    }

    fn add_changed(&mut self, table: &str, operation: &Op) {
        match operation {
            Op::AddColumn { column_def, .. } => self.add(table, &column_def.name.value),
            Op::ChangeColumn { new_name, .. } => self.add(table, &new_name.value),
            Op::RenameColumn {
                new_column_name, ..
            } => self.add(table, &new_column_name.value),
            _ => {}
        }
    }
}

fn entry(table: &str, column: &str) -> String {
    format!("{table}.{column}").to_ascii_lowercase()
}
