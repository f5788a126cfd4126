//! Determines the statement from which a migration continues after it failed at
//! a unique key. If other programs have written rows since an UPDATE filled the
//! key's columns, the UPDATE runs once more.

use sqlparser::ast::{AlterTableOperation as Op, AssignmentTarget, Statement, TableConstraint};

use super::names::{plain, words};
use crate::sql::guard::migration::{AlterKind, ParsedStatement, parse};

/// Functions that return other values in another run.
const CHANGING: [&str; 18] = [
    "CONNECTION_ID",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURTIME",
    "LAST_INSERT_ID",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOW",
    "RAND",
    "ROW_COUNT",
    "SYSDATE",
    "UNIX_TIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "UUID",
];

/// Returns the index of the statement from which a migration continues whose
/// next statement is at `index`. If that statement adds a unique key, the
/// result is the first of the preceding UPDATEs that fill the table and can be
/// repeated; otherwise it is `index`.
pub(in crate::sql) fn refilled_from(statements: &[String], index: usize) -> usize {
    let key_of = statements.get(index).and_then(|text| unique_key_of(text));
    let Some(table) = key_of else {
        return index;
    };
    let mut from = index;
    let before = statements.iter().enumerate().take(index);
    for (place, text) in before.rev() {
        match parse(text) {
            Ok(ParsedStatement::Rows(statement)) => match repeatable_update_of(&statement) {
                Some(updated) if updated == table => from = place,
                Some(_) => {}
                None => break,
            },
            // A repeated DDL statement is left out if its effect exists.
            Ok(_) => {}
            Err(_) => break,
        }
    }
    from
}

/// Returns the table to which a statement adds a unique key.
fn unique_key_of(text: &str) -> Option<String> {
    match parse(text).ok()? {
        ParsedStatement::CreateIndex(create) if create.unique => {
            Some(plain(&create.table_name.to_string()))
        }
        ParsedStatement::Alter { table, changes } => {
            let is_unique = |kind: &AlterKind| match kind {
                AlterKind::Operation(operation) => matches!(
                    operation.as_ref(),
                    Op::AddConstraint {
                        constraint: TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_),
                        ..
                    }
                ),
                AlterKind::Options(_) => false,
            };
            let mut changes = changes.iter();
            changes
                .any(|change| is_unique(&change.kind))
                .then_some(table)
        }
        _ => None,
    }
}

/// Returns the table of an UPDATE that can be repeated with the same result: it
/// computes columns only from other columns, and from no function that changes.
fn repeatable_update_of(statement: &Statement) -> Option<String> {
    let Statement::Update(update) = statement else {
        return None;
    };
    let text = update.to_string();
    let is_changing = |word: &str| CHANGING.iter().any(|it| it.eq_ignore_ascii_case(word));
    if update.limit.is_some() || text.contains('*') || words(&text).any(is_changing) {
        return None;
    }
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return None;
        };
        let column = plain(&name.0.last()?.to_string());
        let named = words(&text).filter(|word| word.eq_ignore_ascii_case(&column));
        if named.count() != 1 {
            return None;
        }
    }
    let relation = update.table.relation.to_string();
    words(&relation).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(statements: &[&str]) -> usize {
        let statements: Vec<_> = statements.iter().map(|it| (*it).to_owned()).collect();
        refilled_from(&statements, statements.len() - 1)
    }

    const KEY: &str = "CREATE UNIQUE INDEX k ON guest (tag)";
    const FILL: &str = "UPDATE guest JOIN (SELECT MIN(id) AS id, name FROM guest GROUP BY name) first_row \
        ON first_row.id = guest.id SET guest.tag = first_row.name";
    const ADD: &str = "ALTER TABLE guest ADD COLUMN tag VARCHAR(20)";

    #[test]
    fn what_fills_a_unique_key_runs_again() {
        assert_eq!(from(&[ADD, FILL, KEY]), 1);
        assert_eq!(from(&[ADD, FILL, ADD, KEY]), 1);
        let constraint = "ALTER TABLE guest ADD CONSTRAINT k UNIQUE (tag)";
        assert_eq!(from(&[FILL, constraint]), 0);
    }

    #[test]
    fn what_would_do_something_else_runs_once() {
        for once in [
            "UPDATE guest SET visits = visits + 1",
            "UPDATE guest SET visits = UNIX_TIMESTAMP()",
            "UPDATE guest SET tag = UUID()",
            "UPDATE guest SET tag = 'x' LIMIT 1",
            "INSERT INTO guest (tag) VALUES ('x')",
            "DELETE FROM guest WHERE tag = 'x'",
        ] {
            assert_eq!(from(&[once, KEY]), 1, "{once}");
            assert_eq!(from(&[FILL, once, KEY]), 2, "{once}");
        }
        assert_eq!(from(&[FILL, "CREATE INDEX k ON guest (tag)"]), 1);
        assert_eq!(from(&["UPDATE stay SET tag = room", KEY]), 1);
    }
}
