//! Conversions of a table's texts to another character set: whether they are
//! needed, and what stands in their way.

use super::super::column::Column;
use super::super::column_type::ColumnType;
use super::super::data::Found;
use super::super::schema::{Key, KeyPart, Table};
use super::{Reconciler, quoted_values};

/// Bytes that a key of InnoDB has at the most, and a row of any table.
pub(super) const LONGEST_KEY: u64 = 3072;
const LONGEST_ROW: u64 = 65_535;

/// The most bytes of a character of utf8mb4.
const CHARACTER_BYTES: u64 = 4;

impl Reconciler<'_> {
    /// Whether a conversion to the character set and collation changes
    /// anything; one to fewer characters is never made.
    pub(super) fn needs_conversion(table: &Table, charset: &str, collation: Option<&str>) -> bool {
        let is_less = |column: &Column| {
            let target = text_of(charset);
            target.lacks_characters_of(column)
        };
        if table.columns.iter().any(is_less) {
            return false;
        }
        let differs = |own_charset: Option<&str>, own_collation: Option<&str>| {
            own_charset.is_some_and(|own| !own.eq_ignore_ascii_case(charset))
                || collation.is_some_and(|wanted| {
                    own_collation.is_some_and(|own| !own.eq_ignore_ascii_case(wanted))
                })
        };
        let mut columns = table.columns.iter();
        differs(Some(table.charset()), Some(&table.collation))
            || columns.any(|column| differs(column.charset.as_deref(), column.collation.as_deref()))
    }

    /// Notes what stands in the way of converting all texts of the table, and
    /// makes them what they become.
    pub(super) async fn convert(
        &mut self,
        name: &str,
        charset: &str,
        collation: Option<&str>,
    ) -> sqlx::Result<()> {
        let Some(table) = self.schema.table(name).cloned() else {
            return Ok(());
        };
        self.rewrites(name);
        let changes = |column: &Column| {
            column.charset.is_some()
                && (column.charset.as_deref() != Some(charset)
                    || collation.is_some_and(|it| column.collation.as_deref() != Some(it)))
        };
        let changed: Vec<_> = table.columns.iter().filter(|it| changes(it)).collect();
        for column in &changed {
            if let Some(key) = table.foreign_key_on(&column.name) {
                let text = format!(
                    "cannot be converted to {charset}: the foreign key `{}` of `{}` is on it",
                    key.name, key.table
                );
                self.obstruct(name, &column.name, text, vec![key.drop_statement()]);
            }
        }
        self.check_sizes(&table, charset);
        let changed: Vec<_> = changed.iter().map(|it| it.name.clone()).collect();
        let Some(table) = self.schema.table_mut(name) else {
            return Ok(());
        };
        table.collation = match collation {
            Some(collation) => collation.to_owned(),
            None => format!("{charset}_"),
        };
        for column in &mut table.columns {
            if column.charset.is_some() {
                column.charset = Some(charset.to_owned());
                column.collation = collation.map(str::to_owned);
            }
        }
        let table = table.clone();
        for key in table.keys.iter().filter(|key| key.unique) {
            let is_changed = |part: &KeyPart| changed.contains(&part.column);
            if self.looks && key.parts.iter().any(is_changed) {
                self.check_unique_after(&table, key).await?;
            }
        }
        Ok(())
    }

    /// Characters that were different may be equal afterwards.
    async fn check_unique_after(&mut self, table: &Table, key: &Key) -> sqlx::Result<()> {
        let compared = key
            .parts
            .iter()
            .map(|part| match table.column(&part.column) {
                Some(column) => compared(part, column),
                None => format!("`{}`", part.column),
            });
        let compared: Vec<_> = compared.collect();
        let present = key.parts.iter();
        let present: Vec<_> = present
            .map(|part| format!("`{}` IS NOT NULL", part.column))
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
                    "{} is one value twice in {charset}, and the key is unique",
                    quoted_values(&values)
                );
                let remedy = format!("ALTER TABLE `{}` DROP KEY `{}`", table.name, key.name);
                self.obstruct(&table.name, &key.name, text, vec![remedy]);
            }
            Found::None => {}
            Found::Unknown => {
                let what = format!("values are equal in {charset}");
                self.note_unknown(&table.name, &key.name, &what);
            }
        }
        Ok(())
    }

    /// A text of the new character set takes more bytes.
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
        let longest = table.columns.iter().max_by_key(|it| it.kind.row_bytes());
        if row > LONGEST_ROW
            && let Some(column) = longest
        {
            let mut wider = column.clone();
            wider.type_text = "MEDIUMTEXT".to_owned();
            wider.default = None;
            let text = format!(
                "a row would have more than {LONGEST_ROW} bytes in {charset}; as MEDIUMTEXT, the longest column takes few"
            );
            let remedy = format!(
                "ALTER TABLE `{}` MODIFY COLUMN {}",
                table.name,
                wider.definition()
            );
            self.obstruct(&table.name, &column.name, text, vec![remedy]);
        }
    }
}

/// A column of any text in the character set.
fn text_of(charset: &str) -> Column {
    Column::from_parts("text", "TEXT", [], charset)
}

/// Bytes of a key once its texts are utf8mb4.
pub(super) fn key_bytes(table: &Table, parts: &[KeyPart]) -> u64 {
    let bytes = |part: &KeyPart| {
        let kind = table.column(&part.column).map(|column| &column.kind);
        match (part.prefix, kind) {
            (Some(prefix), Some(kind)) if kind.is_text() => prefix * CHARACTER_BYTES,
            (Some(prefix), _) => prefix,
            (None, Some(kind @ ColumnType::Text(_))) => kind.characters().unwrap_or_default(),
            (None, Some(kind)) => kind.row_bytes(),
            (None, None) => 0,
        }
    };
    parts.iter().map(bytes).sum()
}

/// Returns the values of a key's column as they are compared once they have
/// the character set and collation that `column` says.
pub(super) fn compared(part: &KeyPart, column: &Column) -> String {
    let name = match part.prefix {
        Some(length) => format!("LEFT(`{}`, {length})", part.column),
        None => format!("`{}`", part.column),
    };
    match (&column.charset, &column.collation) {
        (None, _) => name,
        (Some(charset), Some(collation)) => {
            format!("CONVERT({name} USING {charset}) COLLATE {collation}")
        }
        (Some(charset), None) => format!("CONVERT({name} USING {charset})"),
    }
}
