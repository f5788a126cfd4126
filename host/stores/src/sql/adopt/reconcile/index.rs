//! Reconciles keys and indexes of migrations with existing ones.

use sqlparser::ast::CreateIndex;

use super::super::column::Column;
use super::super::data::Found;
use super::super::names::{plain, words};
use super::super::report::FindingKind;
use super::super::schema::{Key, KeyPart, Table, parts};
use super::charset::{LONGEST_KEY, LONGEST_PART, compared, key_bytes, part_bytes};
use super::{Reconciler, quoted_values};

impl Reconciler<'_> {
    /// Leaves out an index that exists. Returns `None` if the statement runs as
    /// written.
    pub(super) async fn create_index(
        &mut self,
        create: &CreateIndex,
    ) -> sqlx::Result<Option<Vec<String>>> {
        let table = plain(&create.table_name.to_string());
        let Some(name) = &create.name else {
            return Ok(None);
        };
        let key = Key {
            name: plain(&name.to_string()),
            unique: create.unique,
            is_special: false,
            parts: parts(&create.columns),
        };
        match self.adds_key(&table, key).await? {
            true => Ok(None),
            false => Ok(Some(Vec::new())),
        }
    }

    /// Returns whether the key is to be added, since no existing key serves its
    /// purpose. Reports obstacles to it.
    pub(super) async fn adds_key(&mut self, name: &str, key: Key) -> sqlx::Result<bool> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(true);
        };
        let columns: Vec<_> = key.parts.iter().map(|part| part.column.clone()).collect();
        let does = |own: &Key| own.parts == key.parts && (own.unique || !key.unique);
        if table.keys.iter().any(|own| !own.is_special && does(own)) {
            return Ok(false);
        }
        if let Some(own) = table.key(&key.name)
            && !own.has_columns(&columns)
        {
            let text = "is there with other columns";
            let remedy = format!(
                "ALTER TABLE `{name}` RENAME INDEX `{}` TO `own_{}`",
                own.name, own.name
            );
            self.obstruct(name, &key.name, text, vec![remedy]);
            return Ok(false);
        }
        self.check_length(&table, &key);
        if key.unique && self.refuse_partitions(&table, &key) {
            return Ok(false);
        }
        if key.unique && self.looks {
            self.check_unique(&table, &key).await?;
        }
        if key.name == "PRIMARY" && self.refuse_nulls(&table, &columns).await? {
            return Ok(false);
        }
        if table.is_there {
            let what = if key.unique { "unique key" } else { "index" };
            let text = format!("{what} on {}", columns.join(", "));
            self.find(FindingKind::Adds, name, &key.name, text);
        }
        if let Some(table) = self.schema.table_mut(name) {
            table.keys.push(key);
        }
        Ok(true)
    }

    fn check_length(&mut self, table: &Table, key: &Key) {
        for part in key.parts.iter().filter(|part| part.prefix.is_none()) {
            let live = table.column(&part.column);
            if let Some(live) = live.filter(|live| live.kind.needs_key_length()) {
                let text = format!(
                    "is {}, which no key has as a whole, and {} is to be one",
                    live.in_words(),
                    key.name
                );
                let mut shorter = live.clone();
                shorter.type_text = "VARCHAR(255)".to_owned();
                let remedy = format!(
                    "ALTER TABLE `{}` MODIFY COLUMN {}",
                    table.name,
                    shorter.definition()
                );
                self.obstruct(&table.name, &live.name, text, vec![remedy]);
                return;
            }
        }
        let is_long = |part: &KeyPart| part_bytes(table, part) > LONGEST_PART;
        if table.has_short_keys() && key.parts.iter().any(is_long) {
            let text = format!(
                "would have a column of more than {LONGEST_PART} bytes, which no key has in the row \
                 format {}",
                table.row_format
            );
            let remedy = format!("ALTER TABLE `{}` ROW_FORMAT = DYNAMIC", table.name);
            self.obstruct(&table.name, &key.name, text, vec![remedy]);
        }
        if key_bytes(table, &key.parts) > LONGEST_KEY {
            let text = format!("would have more than {LONGEST_KEY} bytes, which no key has");
            self.obstruct(&table.name, &key.name, text, Vec::new());
        }
    }

    /// Reports partitioning by columns that a unique key lacks, since the
    /// server looks for a value in one partition only. Returns whether there is
    /// such a column.
    pub(super) fn refuse_partitions(&mut self, table: &Table, key: &Key) -> bool {
        let Some(partitioned_by) = &table.partitioned_by else {
            return false;
        };
        let is_in_key = |column: &str| {
            let mut parts = key.parts.iter();
            parts.any(|part| part.column.eq_ignore_ascii_case(column))
        };
        let is_named = |column: &Column| {
            let mut words = words(partitioned_by);
            words.any(|word| word.eq_ignore_ascii_case(&column.name))
        };
        let named = table.columns.iter().filter(|column| is_named(column));
        let mut dividing: Vec<_> = named.map(|column| column.name.as_str()).collect();
        if let Some(primary) = table.key("PRIMARY").filter(|_| dividing.is_empty()) {
            dividing.extend(primary.parts.iter().map(|part| part.column.as_str()));
        }
        dividing.retain(|column| !is_in_key(column));
        if dividing.is_empty() {
            return false;
        }
        let text = format!(
            "has to be unique, and lacks {}, by which the table is partitioned",
            dividing.join(", ")
        );
        let remedy = format!("ALTER TABLE `{}` REMOVE PARTITIONING", table.name);
        self.obstruct(&table.name, &key.name, text, vec![remedy]);
        true
    }

    /// Returns whether the migrations compute the column's values before the
    /// key is added, so that its present values are irrelevant.
    fn is_filled(&self, table: &Table, part: &KeyPart) -> bool {
        let is_generated = table.column(&part.column).is_some_and(|it| it.generated);
        self.filled.iter().any(|(filled_in, filled)| {
            *filled_in == table.name && (is_generated || filled.eq_ignore_ascii_case(&part.column))
        })
    }

    /// Reports rows that the unique key does not permit.
    async fn check_unique(&mut self, table: &Table, key: &Key) -> sqlx::Result<()> {
        if key.parts.iter().any(|part| self.is_filled(table, part)) {
            return Ok(());
        }
        let mut expressions = Vec::new();
        let mut present = Vec::new();
        for part in &key.parts {
            match table.column(&part.column) {
                Some(column) if column.is_there => {
                    expressions.push(compared(part, column));
                    present.push(format!("`{}` IS NOT NULL", part.column));
                }
                // In a new column, NULLs count as distinct.
                Some(column) if column.nullable => return Ok(()),
                Some(_) => {}
                None => return Ok(()),
            }
        }
        if expressions.is_empty() || !table.is_there {
            return Ok(());
        }
        let condition = present.join(" AND ");
        match self
            .data
            .duplicate(&table.name, &expressions, &condition)
            .await?
        {
            Found::Some(values) => {
                let text = format!(
                    "{} is there more than once, and {} is to be unique",
                    quoted_values(&values),
                    key.name
                );
                let remedy = duplicates_remedy(table, key, &values);
                let columns: Vec<_> = key.parts.iter().map(|it| it.column.as_str()).collect();
                self.obstruct(&table.name, &columns.join(", "), text, remedy);
            }
            Found::None => {}
            Found::Unknown => {
                self.note_unknown(&table.name, &key.name, "a value is there twice");
            }
        }
        Ok(())
    }
}

/// Values that stand for a missing value.
const NONE: [&str; 2] = ["", "0"];

fn duplicates_remedy(table: &Table, key: &Key, values: &[String]) -> Vec<String> {
    let name = &table.name;
    if let ([part], [value]) = (key.parts.as_slice(), values)
        && NONE.contains(&value.as_str())
        && let Some(column) = table.column(&part.column)
    {
        let mut column = column.clone();
        column.nullable = true;
        column.default = None;
        return vec![
            format!("ALTER TABLE `{name}` MODIFY COLUMN {}", column.definition()),
            format!(
                "UPDATE `{name}` SET `{0}` = NULL WHERE `{0}` = '{value}'",
                part.column
            ),
        ];
    }
    let columns: Vec<_> = key
        .parts
        .iter()
        .map(|it| format!("`{}`", it.column))
        .collect();
    let list = columns.join(", ");
    vec![format!(
        "SELECT {list}, COUNT(*) FROM `{name}` GROUP BY {list} HAVING COUNT(*) > 1"
    )]
}
