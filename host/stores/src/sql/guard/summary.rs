//! Names statements in traces by verb and tables, as OpenTelemetry's
//! `db.query.summary` specifies, without any values.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::Statement;

use super::tables::Tables;

/// Longest summary, in bytes, as OpenTelemetry's semantic conventions for SQL
/// ask for.
const MAX_LENGTH: usize = 255;

/// Returns the summary of `statement` with its `tables`, those that it changes
/// first. Tables beyond [`MAX_LENGTH`] bytes are left out.
pub(super) fn of(statement: &Statement, tables: &Tables) -> Arc<str> {
    let mut summary = verb(statement).to_owned();
    let lower = |name: &String| name.to_ascii_lowercase();
    let changed: BTreeSet<_> = tables.changed.iter().map(lower).collect();
    let read = tables.read.difference(&tables.changed).map(lower);
    let read: BTreeSet<_> = read.filter(|name| !changed.contains(name)).collect();
    for table in changed.iter().chain(&read) {
        if summary.len() + 1 + table.len() > MAX_LENGTH {
            break;
        }
        summary.push(' ');
        summary.push_str(table);
    }
    summary.into()
}

fn verb(statement: &Statement) -> &'static str {
    match statement {
        Statement::Insert(_) => "INSERT",
        Statement::Update(_) => "UPDATE",
        Statement::Delete(_) => "DELETE",
        _ => "SELECT",
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::SQLiteDialect;
    use sqlparser::parser::Parser;

    use super::super::calls::Calls;
    use super::super::tables;
    use super::*;
    use crate::sql::Dialect;

    fn summary(text: &str) -> String {
        let statements = Parser::parse_sql(&SQLiteDialect {}, text).expect("SQL");
        let used =
            tables::used_by(&statements[0], &Calls::new(Dialect::Sqlite, &[])).expect("tables");
        of(&statements[0], &used).to_string()
    }

    #[test]
    fn a_statement_is_its_verb_and_its_tables() {
        for (text, expected) in [
            ("SELECT 1", "SELECT"),
            ("SELECT name FROM Tax WHERE id = 7", "SELECT tax"),
            (
                "WITH b AS (SELECT 1 FROM z) SELECT * FROM b JOIN a ON a.x = 'secret'",
                "SELECT a z",
            ),
            (
                "INSERT INTO orders (x) SELECT x FROM cart, orders",
                "INSERT orders cart",
            ),
            ("UPDATE tax SET name = 'secret'", "UPDATE tax"),
            ("DELETE FROM tax WHERE id = ?", "DELETE tax"),
        ] {
            assert_eq!(summary(text), expected, "{text}");
        }
    }

    #[test]
    fn it_stays_short() {
        let tables: Vec<_> = (100..200).map(|number| format!("t{number}")).collect();
        let summary = summary(&format!("SELECT 1 FROM {}", tables.join(", ")));
        assert!((250..=MAX_LENGTH).contains(&summary.len()), "{summary}");
    }
}
