//! Reports existing columns that differ in kind from the expected ones: texts
//! instead of numbers, numbers that are not whole, and other differences in
//! behaviour.

use super::super::column::Column;
use super::super::column_type::{ColumnType, integer_range};
use super::super::data::{Found, counted};
use super::super::remedies::{renamed, retyping};
use super::super::report::{Finding, FindingKind};
use super::super::schema::Table;
use super::Reconciler;

/// Result of comparing the rows of a column with an expected type.
pub(super) enum Rows {
    /// Every value, if there is any, is one of the expected type.
    Fitting,
    /// Some rows have other values: their number, with the most frequent
    /// values.
    Others(String),
    /// The rows were not examined, or no condition can tell.
    Unknown,
}

impl Reconciler<'_> {
    /// Compares the values of a column with those of the `expected` type.
    pub(super) async fn rows_of_kind(
        &mut self,
        table: &Table,
        live: &Column,
        expected: &Column,
    ) -> sqlx::Result<Rows> {
        let Some(condition) = is_no_value_of(live, expected).filter(|_| self.looks) else {
            return Ok(Rows::Unknown);
        };
        let count = match self.data.count(&table.name, &condition).await? {
            Found::None => return Ok(Rows::Fitting),
            Found::Some(count) => counted(count),
            Found::Unknown => {
                let what = format!("each value is one of {}", expected.type_text);
                self.note_unknown(&table.name, &live.name, &what);
                return Ok(Rows::Unknown);
            }
        };
        let examples = self.data.examples(&table.name, &live.name, &condition);
        let examples = examples.await?;
        let examples = examples
            .iter()
            .map(|(value, rows)| format!("{value} in {rows}"));
        let examples: Vec<_> = examples.collect();
        Ok(Rows::Others(format!("{count}: {}", examples.join(", "))))
    }

    /// Reports the consequences of a column that stores values of the expected
    /// type in another form. Returns whether its rows prevent the migration.
    pub(super) async fn is_loose_in_the_way(
        &mut self,
        table: &Table,
        live: &Column,
        expected: &Column,
    ) -> sqlx::Result<bool> {
        let has = format!(
            "{}, where {} is meant",
            live.in_words(),
            expected.in_words()
        );
        match self.rows_of_kind(table, live, expected).await? {
            Rows::Others(values) => {
                let text = format!(
                    "is {has}, and has other values in {values}; renamed, they stay beside the \
                     plugin's own column, which is filled from them by hand"
                );
                self.obstruct(&table.name, &live.name, text, renamed(table, live));
                Ok(true)
            }
            Rows::Fitting | Rows::Unknown => {
                let mut text = format!("{has}: used as it is");
                if live.kind.is_text() {
                    text += ", sorted as text, and found without an index; the statement makes it \
                        what is meant";
                }
                let mut finding = Finding::new(FindingKind::Note, &table.name, &live.name, text);
                if live.kind.is_text() {
                    finding.remedy = retyping(table, live, expected);
                }
                if self.looks && !self.findings.contains(&finding) {
                    self.findings.push(finding);
                }
                Ok(false)
            }
        }
    }

    /// Refuses an existing numeric column with another default, because the
    /// plugin's rows that do not name the column need the plugin's default.
    /// Returns whether the column is refused.
    pub(super) fn refuse_default(
        &mut self,
        table: &Table,
        live: &Column,
        expected: &Column,
    ) -> bool {
        let Some(default) = expected.default.as_deref() else {
            return false;
        };
        let is_number = expected.kind.is_number() && !expected.nullable;
        let is_refused =
            is_number && live.is_there && live.default.is_some() && !live.has_default_of(expected);
        if is_refused {
            let text = format!(
                "rows that do not name it get {}, where the plugin's begin with {default}",
                live.default.as_deref().unwrap_or("NULL")
            );
            let remedy = format!(
                "ALTER TABLE `{}` ALTER COLUMN `{}` SET DEFAULT {default}",
                table.name, live.name
            );
            self.obstruct(&table.name, &live.name, text, vec![remedy]);
        }
        is_refused
    }

    /// Notes behaviour of an existing column that the plugin's own column would
    /// not have.
    pub(super) fn note_differences(&mut self, table: &Table, live: &Column, expected: &Column) {
        if !self.looks || !live.is_there {
            return;
        }
        let is_number = live.kind.is_number() && expected.kind.is_number();
        if is_number && live.is_unsigned() && !expected.is_unsigned() && !table.is_id(&live.name) {
            let text =
                "is UNSIGNED: the server refuses a negative number where the plugin writes one";
            self.find(FindingKind::Note, &table.name, &live.name, text);
        }
        let is_reused = self.reused.iter().any(|(reused_in, reused)| {
            *reused_in == table.name && reused.eq_ignore_ascii_case(&live.name)
        });
        if let Some(default) = live.default.as_deref()
            && (is_reused || expected.has_default())
            && !live.has_default_of(expected)
        {
            let text = format!(
                "rows that do not name it get {default}, where the plugin's own column has {}; kept",
                expected.default.as_deref().unwrap_or("NULL")
            );
            self.find(FindingKind::Note, &table.name, &live.name, text);
        }
        if let Some(value) = live.on_update.as_ref()
            && expected.on_update.is_none()
        {
            let text =
                format!("becomes {value} whenever its row is changed, by the plugin too; kept");
            self.find(FindingKind::Note, &table.name, &live.name, text);
        }
    }
}

/// Returns a condition that is true for rows whose value is not one of the
/// expected type; `None` if no condition can tell.
fn is_no_value_of(live: &Column, expected: &Column) -> Option<String> {
    let name = format!("`{}`", live.name);
    if live.kind.is_number() || live.kind.is_counted() {
        let ColumnType::Integer { bytes, unsigned } = expected.kind else {
            return None;
        };
        let (least, most) = integer_range(bytes, unsigned);
        return Some(format!(
            "{name} <> ROUND({name}) OR {name} < {least} OR {name} > {most}"
        ));
    }
    if !live.kind.is_text() {
        return None;
    }
    let text = format!("CONVERT({name} USING utf8mb4)");
    let pattern = match &expected.kind {
        ColumnType::Integer { bytes, unsigned } => {
            let (least, most) = integer_range(*bytes, *unsigned);
            let number = format!("CAST({text} AS DECIMAL(30, 0))");
            return Some(format!(
                "{text} NOT REGEXP '^ *[-+]?[0-9]{{1,20}} *$' OR {number} < {least} OR \
                 {number} > {most}"
            ));
        }
        ColumnType::Decimal { precision, scale } => {
            let whole = precision.saturating_sub(*scale).max(1);
            format!("^ *[-+]?0*[0-9]{{1,{whole}}}([.][0-9]{{0,{scale}}}0*)? *$")
        }
        ColumnType::Float { .. } => "^ *[-+]?[0-9]+([.][0-9]*)?(e[-+]?[0-9]+)? *$".to_owned(),
        ColumnType::Date => "^[0-9]{4}-[0-9]{2}-[0-9]{2}$".to_owned(),
        ColumnType::DateTime { .. } => "^[0-9]{4}-[0-9]{2}-[0-9]{2}\
            ([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$"
            .to_owned(),
        _ => return None,
    };
    Some(format!("{text} NOT REGEXP '{pattern}'"))
}
