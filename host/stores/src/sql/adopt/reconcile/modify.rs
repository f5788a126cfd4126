//! Reconciles MODIFY COLUMN, CHANGE COLUMN and RENAME COLUMN with existing
//! columns.

use sqlparser::ast::{ColumnOption, MySQLColumnPosition};

use super::super::column::{Column, Merge};
use super::super::data::Found;
use super::super::restated::Restated;
use super::super::schema::Table;
use super::Reconciler;
use super::alter::Verdict;

impl Reconciler<'_> {
    /// Modifies a column without narrowing it, and keeps properties that the
    /// migration does not mention.
    pub(super) async fn modify(
        &mut self,
        name: &str,
        (column, data_type): (&str, String),
        (options, place): (&[ColumnOption], Option<&MySQLColumnPosition>),
    ) -> sqlx::Result<Verdict> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(Verdict::Keep);
        };
        let Some(live) = table.column(column).cloned() else {
            return Ok(Verdict::Keep);
        };
        let mut expected = Column::from_parts(column, &data_type, options, table.charset());
        let restated = match self.kept.has(name, column) {
            true => expected.keep_of(&live, options),
            false => Restated::default(),
        };
        let narrows = self.narrows(&table, &live, &expected).await?;
        if !narrows && live.merge(&expected, false) != Ok(Merge::Same) {
            if let Some(table) = self.schema.table_mut(name) {
                let is_there = live.is_there;
                table.set_column(Column {
                    is_there,
                    ..expected
                });
            }
            self.check_row(&table);
            self.rewrites(name);
            if restated.is_empty() {
                return Ok(Verdict::Keep);
            }
            let options = options.iter().map(ToString::to_string);
            let words = [format!("MODIFY COLUMN `{column}` {data_type}")].into_iter();
            let words = words.chain(restated.charset).chain(options);
            let place = place.map(ToString::to_string);
            let words: Vec<_> = words.chain(restated.options).chain(place).collect();
            return Ok(Verdict::Instead(words.join(" ")));
        }
        Ok(match self.merged(&table, &expected).await? {
            Some(change) => Verdict::Instead(change),
            // A column that suits already may still become NOT NULL.
            None if !narrows && live.nullable && !expected.nullable => Verdict::Keep,
            None => Verdict::Leave,
        })
    }

    /// Turns the result of MODIFY COLUMN into a CHANGE COLUMN with another name.
    /// A column that has the new name already is only modified.
    pub(super) async fn change(
        &mut self,
        name: &str,
        (old, new): (&str, &str),
        data_type: String,
        options: (&[ColumnOption], Option<&MySQLColumnPosition>),
    ) -> sqlx::Result<Verdict> {
        if !self.has_column(name, old) || old == new {
            return self.modify(name, (new, data_type), options).await;
        }
        let verdict = self.modify(name, (old, data_type), options).await?;
        self.rename_column(name, old, new);
        let modifies = format!("MODIFY COLUMN `{old}` ");
        Ok(match verdict {
            Verdict::Leave => Verdict::Instead(format!("RENAME COLUMN `{old}` TO `{new}`")),
            Verdict::Instead(text) => match text.strip_prefix(&modifies) {
                Some(rest) => Verdict::Instead(format!("CHANGE COLUMN `{old}` `{new}` {rest}")),
                None => Verdict::Instead(text),
            },
            verdict => verdict,
        })
    }

    /// Renames a column of the model. Its existing rows still have the old
    /// name, and are no longer examined.
    pub(super) fn rename_column(&mut self, table: &str, old: &str, new: &str) {
        let Some(table) = self.schema.table_mut(table) else {
            return;
        };
        for column in &mut table.columns {
            if column.name.eq_ignore_ascii_case(old) {
                new.clone_into(&mut column.name);
                column.is_there = false;
            }
        }
        for key in &mut table.keys {
            for part in &mut key.parts {
                if part.column.eq_ignore_ascii_case(old) {
                    new.clone_into(&mut part.column);
                }
            }
        }
    }

    /// Returns whether the change would narrow the column.
    async fn narrows(
        &mut self,
        table: &Table,
        live: &Column,
        expected: &Column,
    ) -> sqlx::Result<bool> {
        let mut holder = expected.clone();
        holder.nullable = true;
        holder.auto_increment = live.auto_increment;
        let mut held = live.clone();
        held.nullable = true;
        held.default = None;
        held.auto_increment = false;
        if holder.merge(&held, false) != Ok(Merge::Same) {
            return Ok(true);
        }
        if live.nullable && !expected.nullable && live.is_there {
            let condition = format!("`{}` IS NULL", live.name);
            return Ok(self.data.count(&table.name, &condition).await? != Found::None);
        }
        Ok(false)
    }
}
