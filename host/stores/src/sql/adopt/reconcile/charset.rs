//! Decides if converting a table's texts to another character set is needed,
//! and reports what prevents it.

use super::super::column::{Column, quoted};
use super::super::column_type::ColumnType;
use super::super::data::Found;
use super::super::remedies::modify;
use super::super::report::FindingKind;
use super::super::schema::{Key, KeyPart, Table};
use super::{Reconciler, quoted_values};

/// Largest size in bytes of a key in InnoDB, and of a row of any table.
pub(super) const LONGEST_KEY: u64 = 3072;
const LONGEST_ROW: u64 = 65_535;

/// Largest size in bytes of a column within a key, in older row formats of
/// InnoDB.
pub(super) const LONGEST_PART: u64 = 767;

/// Largest number of bytes of a character of utf8mb4.
const CHARACTER_BYTES: u64 = 4;

/// A column, before and after a change.
type Changed<'a> = (&'a Column, &'a Column);

impl Reconciler<'_> {
    /// Returns whether a conversion to the character set and collation changes
    /// anything. A conversion that loses characters is never made.
    pub(super) fn needs_conversion(
        &self,
        table: &Table,
        charset: &str,
        collation: Option<&str>,
    ) -> bool {
        let is_less = |column: &Column| {
            let target = text_of(charset);
            target.lacks_characters_of(column)
        };
        if table.columns.iter().any(is_less) {
            return false;
        }
        let is_default = table.charset().eq_ignore_ascii_case(charset)
            && collation.is_none_or(|wanted| table.collation.eq_ignore_ascii_case(wanted));
        let mut columns = table.columns.iter();
        !is_default
            || columns.any(|column| {
                let becomes = self.converted(table, column, charset, collation);
                !is_written_alike(column, &becomes)
            })
    }

    /// Returns a column as it is after the texts of its table are converted.
    /// Its case sensitivity is kept, and columns that the plugin does not know
    /// keep their comparison.
    fn converted(
        &self,
        table: &Table,
        column: &Column,
        charset: &str,
        collation: Option<&str>,
    ) -> Column {
        let Some(own_charset) = &column.charset else {
            return column.clone();
        };
        let is_known = self.known.has(&table.name, &column.name);
        let own = column.collation.as_deref().unwrap_or_default();
        let collation = match collation {
            Some(wanted) if is_known => Some(wanted.to_owned()),
            _ if own_charset.eq_ignore_ascii_case(charset) => column.collation.clone(),
            _ if tells_case_apart(own) => Some(format!("{charset}_bin")),
            Some(wanted) if !tells_case_apart(wanted) => Some(wanted.to_owned()),
            // The server's default collation, which is case-insensitive.
            _ => None,
        };
        Column {
            charset: Some(charset.to_owned()),
            collation,
            ..column.clone()
        }
    }

    /// Reports what prevents converting all texts of the table, and applies the
    /// conversion to the model. Returns a statement that converts column by
    /// column, if some columns get another collation than the rest.
    pub(super) async fn convert(
        &mut self,
        name: &str,
        charset: &str,
        collation: Option<&str>,
    ) -> sqlx::Result<Option<String>> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(None);
        };
        self.rewrites(name);
        let converted = table.columns.iter().map(|column| {
            let becomes = self.converted(&table, column, charset, collation);
            (column, becomes)
        });
        let mut converted: Vec<_> = converted.collect();
        for key in table.keys.iter().filter(|key| key.is_special) {
            self.share_collation(&table, key, &mut converted);
        }
        let changed = converted.iter();
        let changed = changed.filter(|(column, becomes)| !is_written_alike(column, becomes));
        let changed: Vec<Changed<'_>> = changed.map(|(column, it)| (*column, it)).collect();
        self.refuse_foreign_keys(&table, &changed, charset);
        self.check_sizes(&table, charset);
        let is_another = |(column, becomes): &(&Column, Column)| {
            column.charset.is_some()
                && !column.generated
                && becomes.collation.as_deref() != collation
        };
        let by_column = match converted.iter().any(is_another) {
            true => Some(self.by_column(&table, &changed, (charset, collation))),
            false => None,
        };
        let changed: Vec<_> = changed.iter().map(|it| it.0.name.clone()).collect();
        let columns: Vec<_> = converted.into_iter().map(|(_, becomes)| becomes).collect();
        let Some(table) = self.schema.table_mut(name) else {
            return Ok(None);
        };
        table.collation = match collation {
            Some(collation) => collation.to_owned(),
            None => format!("{charset}_"),
        };
        table.columns = columns;
        let table = table.clone();
        self.check_unique_keys(&table, &changed).await?;
        Ok(by_column)
    }

    /// Checks the unique keys of a converted table that have `changed` columns.
    async fn check_unique_keys(&mut self, table: &Table, changed: &[String]) -> sqlx::Result<()> {
        for key in table.keys.iter().filter(|key| key.unique) {
            let is_changed = |part: &KeyPart| changed.contains(&part.column);
            if self.looks && table.is_there && key.parts.iter().any(is_changed) {
                self.check_unique_after(table, key).await?;
            }
        }
        Ok(())
    }

    /// Gives the columns of a FULLTEXT key one collation, which such a key
    /// requires: that of a column that the plugin knows, if there is one.
    fn share_collation(&mut self, table: &Table, key: &Key, converted: &mut [(&Column, Column)]) {
        let is_part = |column: &Column| {
            let mut parts = key.parts.iter();
            parts.any(|part| part.column.eq_ignore_ascii_case(&column.name))
        };
        let of_any = |is_own: bool| {
            converted.iter().find_map(|(column, becomes)| {
                let is_known = self.known.has(&table.name, &column.name);
                let counts = is_part(column) && (is_known || !is_own);
                becomes.collation.clone().filter(|_| counts)
            })
        };
        let Some(shared) = of_any(true).or_else(|| of_any(false)) else {
            return;
        };
        for (column, becomes) in converted {
            let is_another = becomes.collation.as_deref() != Some(shared.as_str());
            if is_another && is_part(column) && becomes.charset.is_some() {
                let text = format!(
                    "compared by {shared}, like the other columns of the FULLTEXT key `{}`",
                    key.name
                );
                self.find(FindingKind::Converts, &table.name, &column.name, text);
                becomes.collation = Some(shared.clone());
            }
        }
    }

    /// Reports foreign keys on changed columns, which tie their texts to those
    /// of another table.
    fn refuse_foreign_keys(&mut self, table: &Table, changed: &[Changed<'_>], charset: &str) {
        for (column, _) in changed {
            if let Some(key) = table.foreign_key_on(&column.name) {
                let text = format!(
                    "cannot be converted to {charset}: the foreign key `{}` of `{}` is on it",
                    key.name, key.table
                );
                self.obstruct(&table.name, &column.name, text, vec![key.drop_statement()]);
            }
        }
    }

    /// Returns the statement that converts each column by itself.
    fn by_column(
        &mut self,
        table: &Table,
        changed: &[Changed<'_>],
        (charset, collation): (&str, Option<&str>),
    ) -> String {
        let name = &table.name;
        let collate = collation.map_or(String::new(), |it| format!(" COLLATE {it}"));
        let mut changes = vec![format!("DEFAULT CHARACTER SET {charset}{collate}")];
        for (column, becomes) in changed {
            if becomes.collation.as_deref() != collation {
                let own = column.collation.as_deref().unwrap_or_default();
                let case = match tells_case_apart(own) {
                    true => "tells upper and lower case apart",
                    false => "makes no difference between upper and lower case",
                };
                let text = format!(
                    "{case}, as before: from {own} to {}",
                    becomes.collation.as_deref().unwrap_or(charset)
                );
                self.find(FindingKind::Converts, name, &column.name, text);
            }
            if !column.generated {
                let definition = longer(column, becomes).definition();
                changes.push(format!("MODIFY COLUMN {definition}"));
            }
        }
        format!("ALTER TABLE `{name}` {}", changes.join(", "))
    }

    /// Reports values of a unique key that were different and are equal after
    /// the conversion.
    async fn check_unique_after(&mut self, table: &Table, key: &Key) -> sqlx::Result<()> {
        let compared = key
            .parts
            .iter()
            .map(|part| match table.column(&part.column) {
                Some(column) => compared(part, column),
                None => quoted(&part.column),
            });
        let compared: Vec<_> = compared.collect();
        let present = key.parts.iter();
        let present: Vec<_> = present
            .map(|part| format!("{} IS NOT NULL", quoted(&part.column)))
            .collect();
        let condition = present.join(" AND ");
        let charset = table.charset();
        match self
            .data
            .duplicate(&table.name, &compared, &condition)
            .await?
        {
            Found::Some(values) => {
                let text = format!(
                    "{} is one value twice in {charset}, and the key is unique; change one of \
                     the rows that the first statement finds, or drop the key with the second",
                    quoted_values(&values)
                );
                let list = compared.join(", ");
                let remedy = vec![
                    format!(
                        "SELECT {list}, COUNT(*) FROM `{}` WHERE {condition} GROUP BY {list} \
                         HAVING COUNT(*) > 1",
                        table.name
                    ),
                    format!("ALTER TABLE `{}` DROP KEY `{}`", table.name, key.name),
                ];
                self.obstruct(&table.name, &key.name, text, remedy);
            }
            Found::None => {}
            Found::Unknown => {
                let what = format!("values are equal in {charset}");
                self.note_unknown(&table.name, &key.name, &what);
            }
        }
        Ok(())
    }

    /// Reports keys and rows that become too long, since texts take more bytes
    /// in the new character set.
    fn check_sizes(&mut self, table: &Table, charset: &str) {
        for key in &table.keys {
            if !key.is_special && key_bytes(table, &key.parts) > LONGEST_KEY {
                let text = format!(
                    "would have more than {LONGEST_KEY} bytes in {charset}, which no key of InnoDB has"
                );
                let remedy = format!("ALTER TABLE `{}` DROP KEY `{}`", table.name, key.name);
                self.obstruct(&table.name, &key.name, text, vec![remedy]);
            }
        }
        let row: u64 = table.columns.iter().map(|it| it.kind.row_bytes()).sum();
        if row > LONGEST_ROW {
            self.refuse_row(table, &format!("in {charset}"));
        }
    }

    /// Reports a row that becomes too long by the columns that a migration adds
    /// to the table, or widens in it; `before` is the table without the change.
    pub(super) fn check_row(&mut self, before: &Table) {
        let is_long = |table: &Table| {
            let bytes: u64 = table.columns.iter().map(Column::row_bytes).sum();
            bytes > LONGEST_ROW
        };
        let Some(table) = self.schema.table(&before.name).cloned() else {
            return;
        };
        if table.is_there && is_long(&table) && !is_long(before) {
            self.refuse_row(&table, "with the plugin's columns");
        }
    }

    fn refuse_row(&mut self, table: &Table, when: &str) {
        let columns = table.columns.iter().filter(|column| column.is_there);
        let Some(column) = columns.max_by_key(|column| column.kind.row_bytes()) else {
            return;
        };
        let mut wider = column.clone();
        wider.type_text = "MEDIUMTEXT".to_owned();
        wider.default = None;
        let text = format!(
            "a row would have more than {LONGEST_ROW} bytes {when}; as MEDIUMTEXT, the longest \
             column takes few"
        );
        self.obstruct(&table.name, &column.name, text, vec![modify(table, &wider)]);
    }
}

/// Returns whether the collation is case-sensitive.
fn tells_case_apart(collation: &str) -> bool {
    let mut parts = collation.split('_');
    parts.any(|part| ["bin", "cs"].contains(&part))
}

/// Returns whether the texts of both columns have the same character set and
/// collation. A collation that the server chooses is one of the character
/// set's, as is that of a column that a migration creates.
fn is_written_alike(column: &Column, becomes: &Column) -> bool {
    let is_chosen = becomes.collation.is_none() || column.collation.is_none();
    column.charset == becomes.charset && (is_chosen || column.collation == becomes.collation)
}

/// Returns the column with space for the bytes that its characters take in
/// another character set, as a conversion of the whole table provides.
fn longer(column: &Column, becomes: &Column) -> Column {
    let mut longer = becomes.clone();
    if let ColumnType::Text(size) = column.kind
        && column.charset != becomes.charset
    {
        longer.set_type(ColumnType::Text(size.next()));
    }
    longer
}

/// Returns a text column in the character set, for comparison.
fn text_of(charset: &str) -> Column {
    Column::from_parts("text", "TEXT", [], charset)
}

/// Returns the size in bytes of a key once its texts are utf8mb4.
pub(super) fn key_bytes(table: &Table, parts: &[KeyPart]) -> u64 {
    parts.iter().map(|part| part_bytes(table, part)).sum()
}

/// Returns the size in bytes of a column within a key once its texts are
/// utf8mb4.
pub(super) fn part_bytes(table: &Table, part: &KeyPart) -> u64 {
    let kind = table.column(&part.column).map(|column| &column.kind);
    match (part.prefix, kind) {
        (Some(prefix), Some(kind)) if kind.is_text() => prefix * CHARACTER_BYTES,
        (Some(prefix), _) => prefix,
        (None, Some(kind @ ColumnType::Text(_))) => kind.characters().unwrap_or_default(),
        (None, Some(kind)) => kind.row_bytes(),
        (None, None) => 0,
    }
}

/// Returns the expression for the values of a key's column, as they are
/// compared with the character set and collation of `column`.
pub(super) fn compared(part: &KeyPart, column: &Column) -> String {
    let name = quoted(&part.column);
    let name = match part.prefix {
        Some(length) => format!("LEFT({name}, {length})"),
        None => name,
    };
    match (&column.charset, &column.collation) {
        (None, _) => name,
        (Some(charset), Some(collation)) => {
            format!("CONVERT({name} USING {charset}) COLLATE {collation}")
        }
        (Some(charset), None) => format!("CONVERT({name} USING {charset})"),
    }
}
