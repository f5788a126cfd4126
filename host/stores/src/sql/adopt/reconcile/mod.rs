//! Compares one statement of a migration with the existing tables, and returns
//! the statements to run instead: parts that exist are left out, nothing is
//! narrowed and nothing dropped.

mod alter;
mod charset;
mod create;
mod index;
mod kinds;
mod modify;
mod outgrown;
mod primary;
mod rows;
mod unusable;

use super::data::{Data, Found, LONGEST_LOOK};
use super::kept::Kept;
use super::known::Known;
use super::masked::masked;
use super::report::{Finding, FindingKind};
use super::schema::Schema;
use crate::sql::Dialect;
use crate::sql::guard::TableGrant;
use crate::sql::guard::migration::{ParsedStatement, checked_statements, parse};

/// Model of the tables, with which statements of migrations are compared in
/// order.
pub(super) struct Reconciler<'a> {
    pub(super) grant: &'a TableGrant,
    /// Tables after the statements so far.
    pub(super) schema: Schema,
    pub(super) data: Data<'a>,
    pub(super) findings: Vec<Finding>,
    /// Columns (`table`, `column`) that existed under a name that a statement
    /// adds.
    pub(super) reused: Vec<(String, String)>,
    /// Columns (`table`, `column`) that an UPDATE has filled.
    pub(super) filled: Vec<(String, String)>,
    /// Tables whose rows a statement rewrites.
    pub(super) rewritten: Vec<String>,
    /// True if rows are examined for the report, before anything runs.
    pub(super) looks: bool,
    /// Names that existed before the migrations, which are never dropped.
    pub(super) kept: &'a Kept,
    /// Tables and columns that the plugin's migrations create.
    pub(super) known: &'a Known,
}

impl Reconciler<'_> {
    /// Returns the statements to run instead of `text`, which passed the guard;
    /// none if everything that it does exists.
    ///
    /// # Errors
    /// Errors of the driver.
    pub(super) async fn statement(&mut self, text: &str) -> sqlx::Result<Vec<String>> {
        let Ok(parsed) = parse(text) else {
            // The server reports the mistake in it.
            return Ok(vec![text.to_owned()]);
        };
        let replaced = match &parsed {
            ParsedStatement::CreateTable(create) => self.create_table(create).await?,
            ParsedStatement::CreateIndex(create) => self.create_index(create).await?,
            ParsedStatement::Alter { table, changes } => self.alter(table, changes).await?,
            ParsedStatement::Rows(statement) => self.rows(statement).await?,
        };
        let Some(statements) = replaced else {
            return Ok(vec![text.to_owned()]);
        };
        for statement in &statements {
            self.check_again(statement);
        }
        Ok(statements)
    }

    /// Checks a replacement statement by the rules of the original, except for
    /// the names and texts of the existing table that it has to repeat.
    fn check_again(&mut self, statement: &str) {
        let masked = masked(statement);
        if let Err(refused) = checked_statements(&masked, self.grant, Dialect::Mysql) {
            let text = format!("the change `{statement}` has to be made by hand: {refused}");
            let table = statement.split('`').nth(1).unwrap_or_default();
            let remedy = vec![statement.to_owned()];
            self.findings
                .push(Finding::obstacle(table, "", text, remedy));
        }
    }

    fn find(&mut self, kind: FindingKind, table: &str, subject: &str, text: impl Into<String>) {
        let finding = Finding::new(kind, table, subject, text.into());
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn obstruct(
        &mut self,
        table: &str,
        subject: &str,
        text: impl Into<String>,
        remedy: Vec<String>,
    ) {
        let finding = Finding::obstacle(table, subject, text.into(), remedy);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn rewrites(&mut self, table: &str) {
        if !self.rewritten.iter().any(|it| it == table) {
            self.rewritten.push(table.to_owned());
        }
    }

    /// Counts rows, and notes if the table is too large to be searched.
    async fn count(&mut self, table: &str, subject: &str, condition: &str) -> sqlx::Result<u64> {
        match self.data.count(table, condition).await? {
            Found::Some(count) => Ok(count),
            Found::None => Ok(0),
            Found::Unknown => {
                self.note_unknown(table, subject, condition);
                Ok(0)
            }
        }
    }

    fn note_unknown(&mut self, table: &str, subject: &str, what: &str) {
        let seconds = LONGEST_LOOK.as_secs();
        let text =
            format!("not looked through within {seconds} s, so it is not known whether {what}");
        self.find(FindingKind::Note, table, subject, text);
    }
}

/// Returns values for display.
fn quoted_values(values: &[String]) -> String {
    let quoted = values.iter().map(|value| format!("'{value}'"));
    quoted.collect::<Vec<_>>().join(", ")
}
