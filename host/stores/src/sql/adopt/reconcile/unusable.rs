//! Reports columns that cannot be used, with the statements that correct them.

use super::super::column::{Column, Unusable};
use super::super::column_type::ColumnType;
use super::super::schema::Table;
use super::Reconciler;
use super::kinds::{Rows, retyping};

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
            Unusable::Type => match self.rows_of_kind(table, live, expected).await? {
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
            },
        };
        self.obstruct(&table.name, name, text, remedy);
        Ok(())
    }
}

/// Returns the statement that renames a column to a name with the prefix
/// `own_`.
pub(super) fn rename(table: &Table, column: &str) -> String {
    format!(
        "ALTER TABLE `{}` RENAME COLUMN `{column}` TO `own_{column}`",
        table.name
    )
}

/// Returns the statements that rename a column to a name with the prefix
/// `own_`, and let rows be added without naming it.
pub(super) fn renamed(table: &Table, live: &Column) -> Vec<String> {
    let mut statements = vec![rename(table, &live.name)];
    if live.must_be_named() {
        let own = Column {
            name: format!("own_{}", live.name),
            ..live.clone()
        };
        statements.extend(default_remedy(table, &own));
    }
    statements
}

pub(super) fn modify(table: &Table, column: &Column) -> String {
    format!(
        "ALTER TABLE `{}` MODIFY COLUMN {}",
        table.name,
        column.definition()
    )
}

fn numbering(table: &Table, live: &Column) -> String {
    let mut column = live.clone();
    column.auto_increment = true;
    column.nullable = false;
    column.default = None;
    let key = match table.keys.iter().any(|key| {
        key.parts
            .first()
            .is_some_and(|part| part.column == live.name)
    }) {
        true => String::new(),
        false => match table.key("PRIMARY") {
            None => format!(", ADD PRIMARY KEY (`{}`)", live.name),
            Some(_) => format!(", ADD UNIQUE KEY (`{}`)", live.name),
        },
    };
    format!("{}{key}", modify(table, &column))
}

fn is_whole(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::Integer { .. })
}

fn is_money(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::Decimal { .. })
}

/// Digits of the largest BIGINT.
const INTEGER_DIGITS: u32 = 20;

fn money_for(live: &Column, expected: &Column) -> Column {
    let scale = match expected.kind {
        ColumnType::Decimal { scale, .. } => scale,
        _ => 0,
    };
    let kind = ColumnType::Decimal {
        precision: INTEGER_DIGITS + scale,
        scale,
    };
    Column {
        type_text: kind.to_string(),
        kind,
        ..live.clone()
    }
}

/// Returns the statements that let rows be added without naming the column.
pub(in super::super) fn default_remedy(table: &Table, column: &Column) -> Vec<String> {
    let set = |value: &str| {
        vec![format!(
            "ALTER TABLE `{}` ALTER COLUMN `{}` SET DEFAULT {value}",
            table.name, column.name
        )]
    };
    let nullable = || {
        let column = Column {
            nullable: true,
            ..column.clone()
        };
        vec![modify(table, &column)]
    };
    if table.foreign_key_on(&column.name).is_some() {
        // No default value would refer to an existing row.
        return nullable();
    }
    match &column.kind {
        kind if kind.is_number() => set("0"),
        ColumnType::Char(_) | ColumnType::Varchar(_) => set("''"),
        ColumnType::Enum(_) => match column.type_text.split('\'').nth(1) {
            Some(first) => set(&format!("'{first}'")),
            None => nullable(),
        },
        ColumnType::Date => set("(CURRENT_DATE)"),
        ColumnType::DateTime { fraction: 0, .. } => set("(CURRENT_TIMESTAMP)"),
        ColumnType::DateTime { fraction, .. } => set(&format!("(CURRENT_TIMESTAMP({fraction}))")),
        _ => nullable(),
    }
}
