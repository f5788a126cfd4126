//! Statements that correct columns which cannot be used as they are.

use super::column::Column;
use super::column_type::ColumnType;
use super::schema::Table;

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

/// Returns the statement that gives a column this definition.
pub(super) fn modify(table: &Table, column: &Column) -> String {
    format!(
        "ALTER TABLE `{}` MODIFY COLUMN {}",
        table.name,
        column.definition()
    )
}

/// Returns the statement by which the server numbers the rows in a column.
pub(super) fn numbering(table: &Table, live: &Column) -> String {
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

/// Returns the statements that give a column the expected type and keep its
/// values.
pub(super) fn retyping(table: &Table, live: &Column, expected: &Column) -> Vec<String> {
    let column = Column {
        kind: expected.kind.clone(),
        type_text: expected.type_text.clone(),
        charset: None,
        collation: None,
        nullable: live.nullable || expected.nullable,
        default: expected.default.clone(),
        ..live.clone()
    };
    let mut statements = Vec::new();
    if let ColumnType::Enum(_) = live.kind {
        let length = live.kind.characters().unwrap_or_default();
        // As numbers, the values of an ENUM are their positions in its list.
        let text = Column {
            kind: ColumnType::Varchar(length),
            type_text: format!("VARCHAR({length})"),
            default: None,
            ..live.clone()
        };
        statements.push(modify(table, &text));
    }
    statements.push(modify(table, &column));
    statements
}

/// Digits of the largest BIGINT.
const INTEGER_DIGITS: u32 = 20;

/// Returns a column of whole numbers with the decimals of the `expected` one.
pub(super) fn money_for(live: &Column, expected: &Column) -> Column {
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
pub(super) fn default_remedy(table: &Table, column: &Column) -> Vec<String> {
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
