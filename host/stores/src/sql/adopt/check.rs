//! Compares all pending migrations of a plugin with the existing tables, before
//! the first of them runs.

use sqlx::MySqlConnection;

use super::data::Data;
use super::inspect;
use super::kept::Kept;
use super::known::Known;
use super::reconcile::Reconciler;
use super::remedies::default_remedy;
use super::report::{ASSUMED_BYTES_PER_SECOND, AdoptionReport, Finding, FindingKind, TableReport};
use super::schema::{Schema, Table};
use crate::sql::guard::TableGrant;
use crate::sql::mysql::Server;

/// Migrations of a plugin that are compared with the existing tables.
pub(in crate::sql) struct Plan<'a> {
    pub(in crate::sql) grant: &'a TableGrant,
    /// Every statement of the release, including those that have run.
    pub(in crate::sql) all: Vec<&'a str>,
    /// The statements that have not run.
    pub(in crate::sql) pending: Vec<&'a str>,
    /// True if no migration has run to its end in this database.
    pub(in crate::sql) is_new: bool,
    /// Names that existed before the first migration, if they were recorded.
    pub(in crate::sql) kept: Option<Kept>,
}

/// Compares the pending statements with the existing tables, without changing
/// anything.
///
/// # Errors
/// Errors of the driver.
pub(in crate::sql) async fn check(
    connection: &mut MySqlConnection,
    server: Server,
    plan: &Plan<'_>,
) -> sqlx::Result<AdoptionReport> {
    let mut data = Data::new(connection, server).await?;
    let granted: Vec<_> = plan.grant.write.iter().map(String::as_str).collect();
    let before = inspect::schema(data.connection(), server, &granted).await?;
    let found = match plan.is_new {
        true => Kept::from(&before),
        false => Kept::default(),
    };
    let known = Known::read(plan.all.iter().copied());
    let mut reconciler = Reconciler {
        grant: plan.grant,
        schema: before.clone(),
        data,
        findings: Vec::new(),
        reused: Vec::new(),
        filled: Vec::new(),
        rewritten: Vec::new(),
        looks: true,
        kept: plan.kept.as_ref().unwrap_or(&found),
        known: &known,
    };
    for statement in &plan.pending {
        reconciler.statement(statement).await?;
    }
    reconciler.check_unknown_columns(plan.is_new);
    reconciler.note_triggers();
    let mut report = reconciler.into_report(&before);
    report.is_new = plan.is_new;
    report.statements = plan.pending.len();
    Ok(report)
}

impl Reconciler<'_> {
    /// Reports columns without a default that the plugin's INSERTs do not name,
    /// since its migrations do not know them.
    fn check_unknown_columns(&mut self, is_new: bool) {
        let tables = self.schema.tables.values().filter(|it| it.is_there);
        let known = self.known;
        let is_own = |table: &&Table| !table.is_view && known.has_table(&table.name);
        let mut found = Vec::new();
        for table in tables.filter(is_own) {
            let columns = table.columns.iter();
            let unknown = columns.filter(|it| !known.has(&table.name, &it.name));
            for column in unknown.filter(|column| column.must_be_named()) {
                let text = format!(
                    "is {} without a default, and the plugin adds rows without it",
                    column.in_words()
                );
                found.push(match is_new {
                    true => {
                        let remedy = default_remedy(table, column);
                        Finding::obstacle(&table.name, &column.name, text, remedy)
                    }
                    false => Finding::new(FindingKind::Note, &table.name, &column.name, text),
                });
            }
        }
        self.findings.extend(found);
    }

    fn note_triggers(&mut self) {
        let mut found = Vec::new();
        for table in self.schema.tables.values().filter(|it| it.is_there) {
            for trigger in &table.triggers {
                let text = format!(
                    "a trigger {} {}, which runs for what the plugin does too",
                    trigger.timing, trigger.event
                );
                found.push(Finding::new(
                    FindingKind::Note,
                    &table.name,
                    &trigger.name,
                    text,
                ));
            }
        }
        self.findings.extend(found);
    }

    fn into_report(mut self, before: &Schema) -> AdoptionReport {
        self.findings
            .sort_by(|one, other| (one.kind, &one.table).cmp(&(other.kind, &other.table)));
        let report_of = |table: &Table| {
            let is_rewritten = self.rewritten.contains(&table.name);
            TableReport {
                table: table.name.clone(),
                engine: table.engine.clone(),
                collation: table.collation.clone(),
                rows: table.rows,
                bytes: table.bytes,
                conversion_seconds: is_rewritten
                    .then(|| (table.bytes / ASSUMED_BYTES_PER_SECOND).max(1)),
            }
        };
        let made = self.schema.tables.values().filter(|it| !it.is_there);
        AdoptionReport {
            is_new: false,
            statements: 0,
            tables: before.tables.values().map(report_of).collect(),
            made: made.map(|table| table.name.clone()).collect(),
            findings: self.findings,
        }
    }
}
