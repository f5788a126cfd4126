//! Reports columns that cannot be used, with the statements that correct them.

use super::super::column::{Column, Unusable};
use super::super::column_type::ColumnType;
use super::super::remedies::{modify, money_for, numbering, rename, renamed, retyping};
use super::super::schema::Table;
use super::Reconciler;
use super::kinds::Rows;

impl Reconciler<'_> {
    /// Reports an existing column that does not suit the `expected` one.
    pub(super) async fn unusable(
        &mut self,
        table: &Table,
        expected: &Column,
        why: &Unusable,
    ) -> sqlx::Result<()> {
        let Some(live) = table.column(&expected.name) else {
            return Ok(());
        };
        let name = &live.name;
        let has = format!(
            "is {}, where {} is needed",
            live.in_words(),
            expected.in_words()
        );
        let (text, remedy) = match why {
            Unusable::Generated => (
                "is computed by the server, where the plugin writes values of its own".to_owned(),
                vec![rename(table, name)],
            ),
            Unusable::NotNumbered => (
                format!("{has}: whoever adds a row would have to number it"),
                vec![numbering(table, live)],
            ),
            Unusable::Type if live.kind.is_number() && expected.kind.is_text() => (
                format!("{has}; the statement keeps each number as text"),
                vec![modify(table, expected)],
            ),
            Unusable::Type if is_whole(&live.kind) && is_money(&expected.kind) => (
                format!(
                    "{has}; if the numbers are whole units, the statement keeps them, and if they \
                     are cents, divide them by 100 after it"
                ),
                vec![modify(table, &money_for(live, expected))],
            ),
            Unusable::Type => self.of_another_kind(table, live, expected, &has).await?,
        };
        self.obstruct(&table.name, name, text, remedy);
        Ok(())
    }

    /// Returns the report on a column of another kind and the statements that
    /// correct it: the column keeps its name if its values are of the expected
    /// type. `has` says how the types differ.
    async fn of_another_kind(
        &mut self,
        table: &Table,
        live: &Column,
        expected: &Column,
        has: &str,
    ) -> sqlx::Result<(String, Vec<String>)> {
        Ok(match self.rows_of_kind(table, live, expected).await? {
            Rows::Fitting => (
                format!("{has}; the statement keeps each value as what is meant"),
                retyping(table, live, expected),
            ),
            Rows::Others(values) => (
                format!(
                    "{has}, and has other values in {values}; renamed, they stay beside the \
                     plugin's own column, which is filled from them by hand"
                ),
                renamed(table, live),
            ),
            Rows::Unknown => (
                format!("{has}; renamed, it stays as it is beside the plugin's own"),
                renamed(table, live),
            ),
        })
    }
}

fn is_whole(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::Integer { .. })
}

fn is_money(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::Decimal { .. })
}
