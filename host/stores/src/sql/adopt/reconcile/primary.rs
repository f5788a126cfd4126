//! Reconciles the primary keys of migrations with existing tables.

use sqlparser::ast::CreateTable;

use super::super::data::{Found, counted};
use super::super::report::FindingKind;
use super::super::schema::{Schema, Table};
use super::{Reconciler, quoted_values};

impl Reconciler<'_> {
    /// Returns the change that makes rows unique by the expected primary key,
    /// if it is needed.
    pub(super) async fn primary_key(
        &mut self,
        name: &str,
        create: &CreateTable,
    ) -> sqlx::Result<Option<String>> {
        let mut expected = Schema::default();
        expected.create(create, name);
        let primary = expected.table(name).and_then(|table| table.key("PRIMARY"));
        let Some(primary) = primary.cloned() else {
            return Ok(None);
        };
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(None);
        };
        let columns: Vec<_> = primary.parts.iter().map(|it| it.column.clone()).collect();
        if table.keys.iter().any(|key| key.makes_unique(&columns)) {
            return Ok(None);
        }
        let quoted: Vec<_> = columns.iter().map(|column| format!("`{column}`")).collect();
        let quoted = quoted.join(", ");
        if self.looks && self.are_repeated(&table, &columns).await? {
            return Ok(None);
        }
        if self.refuse_partitions(&table, &primary) {
            return Ok(None);
        }
        if table.key("PRIMARY").is_none() && self.refuse_nulls(&table, &columns).await? {
            return Ok(None);
        }
        let (key, text) = match table.key("PRIMARY") {
            None => ("PRIMARY KEY".to_owned(), "primary key"),
            Some(_) => (
                format!("UNIQUE KEY `edge_{name}_key`"),
                "unique key beside another primary key",
            ),
        };
        self.rewrites(name);
        self.find(FindingKind::Adds, name, &columns.join(", "), text);
        if let Some(table) = self.schema.table_mut(name) {
            table.keys.push(primary);
        }
        Ok(Some(format!("ADD {key} ({quoted})")))
    }

    /// Reports rows with NULL in a column of a future primary key. Returns
    /// whether there are any.
    pub(super) async fn refuse_nulls(
        &mut self,
        table: &Table,
        columns: &[String],
    ) -> sqlx::Result<bool> {
        let mut is_refused = false;
        for column in columns {
            let live = table.column(column);
            let may_be_null = live.is_some_and(|live| live.is_there && live.nullable);
            if !may_be_null || !self.looks {
                continue;
            }
            let condition = format!("`{column}` IS NULL");
            let count = self.count(&table.name, column, &condition).await?;
            if count > 0 {
                let text = format!(
                    "is NULL in {}, and a primary key takes no NULL; fill or delete the rows that \
                     the statement finds",
                    counted(count)
                );
                let remedy = format!("SELECT * FROM `{}` WHERE {condition}", table.name);
                self.obstruct(&table.name, column, text, vec![remedy]);
                is_refused = true;
            }
        }
        Ok(is_refused)
    }

    async fn are_repeated(&mut self, table: &Table, columns: &[String]) -> sqlx::Result<bool> {
        let is_there = |column: &String| {
            let live = table.column(column);
            live.is_some_and(|live| live.is_there)
        };
        if !columns.iter().all(is_there) {
            return Ok(false);
        }
        let quoted: Vec<_> = columns.iter().map(|column| format!("`{column}`")).collect();
        match self.data.duplicate(&table.name, &quoted, "1").await? {
            Found::Some(values) => {
                let list = quoted.join(", ");
                let text = format!(
                    "{} is there more than once, and rows are told apart by it; delete all but one \
                     of the rows that the statement finds",
                    quoted_values(&values)
                );
                let remedy = format!(
                    "SELECT {list}, COUNT(*) FROM `{}` GROUP BY {list} HAVING COUNT(*) > 1",
                    table.name
                );
                self.obstruct(&table.name, &columns.join(", "), text, vec![remedy]);
                Ok(true)
            }
            Found::None => Ok(false),
            Found::Unknown => {
                let subject = columns.join(", ");
                self.note_unknown(&table.name, &subject, "a value is there twice");
                Ok(false)
            }
        }
    }
}
