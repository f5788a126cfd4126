//! Checks CREATE TABLE and CREATE INDEX.

use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    ColumnDef, ColumnOption, CreateIndex, CreateTable, CreateTableOptions, DataType, Expr,
    ForeignKeyConstraint, GeneratedExpressionMode, SqlOption, Statement, TableConstraint,
};
use sqlparser::keywords::ALL_KEYWORDS;
use sqlparser::tokenizer::Token;

use super::super::tables::simple_name;
use super::Rules;
use super::table_options::is_known_option;
use crate::sql::Dialect;

/// Prefix of the names of the tables that record which migrations ran.
const RECORDS: &str = "edge_migrations_";

/// Checks a new table: its name, columns and constraints. Forms that copy
/// another table or keep the rows elsewhere are refused.
pub(super) fn check_table(rules: &Rules<'_>, table: &CreateTable) -> Result<(), String> {
    rules.require_write(&simple_name(&table.name)?)?;
    let plain = CreateTableBuilder::new(table.name.clone())
        .if_not_exists(table.if_not_exists)
        .columns(table.columns.clone())
        .constraints(table.constraints.clone())
        .table_options(table.table_options.clone())
        .without_rowid(table.without_rowid)
        .strict(table.strict)
        .build();
    if Statement::CreateTable(plain) != Statement::CreateTable(table.clone()) {
        return Err("this form of CREATE TABLE is not allowed".into());
    }
    check_options(&table.table_options)?;
    for column in &table.columns {
        check_column(rules, column)?;
    }
    for constraint in &table.constraints {
        check_constraint(rules, constraint)?;
    }
    Ok(())
}

/// Checks an index. Other tables that the statement names are checked by the
/// caller.
pub(super) fn check_index(rules: &Rules<'_>, index: &CreateIndex) -> Result<(), String> {
    rules.require_write(&simple_name(&index.table_name)?)?;
    if let Some(name) = &index.name {
        let name = simple_name(name)?;
        // In SQLite, indexes and tables share a namespace.
        if name.to_ascii_lowercase().starts_with(RECORDS) {
            return Err(format!(
                "the name `{name}` is for a table of the host's own"
            ));
        }
    }
    if index.alter_options.is_empty() && index.with.is_empty() {
        Ok(())
    } else {
        Err("this form of CREATE INDEX is not allowed".into())
    }
}

fn check_options(options: &CreateTableOptions) -> Result<(), String> {
    let options = match options {
        CreateTableOptions::None => return Ok(()),
        CreateTableOptions::Plain(options) => options,
        other => return Err(format!("the table options `{other}` are not allowed")),
    };
    match options.iter().find(|option| !is_allowed(option)) {
        Some(option) => Err(format!("the table option `{option}` is not allowed")),
        None => Ok(()),
    }
}

fn is_allowed(option: &SqlOption) -> bool {
    match option {
        SqlOption::KeyValue { key, value } => {
            let value = match value {
                Expr::Identifier(ident) => ident.value.clone(),
                value => value.to_string(),
            };
            is_known_option(&key.value, &value)
        }
        SqlOption::NamedParenthesizedList(list) => {
            let name = list.name.as_ref().map(|name| name.value.as_str());
            list.values.is_empty() && is_known_option(&list.key.value, name.unwrap_or_default())
        }
        SqlOption::Comment(_) => true,
        _ => false,
    }
}

/// Words that begin something other than a column where the parser reads a
/// column's name: `(LIKE customer)` and `(TABLE customer)` copy a table.
const NO_COLUMNS: [&str; 18] = [
    "CHECK",
    "CONSTRAINT",
    "EXCLUDE",
    "FOREIGN",
    "FULLTEXT",
    "INDEX",
    "KEY",
    "LIKE",
    "PARTITION",
    "PERIOD",
    "PRIMARY",
    "SELECT",
    "SPATIAL",
    "SYSTEM",
    "TABLE",
    "UNIQUE",
    "VALUES",
    "WITH",
];

/// Checks a column: its name, type and options, with the table that it
/// references.
pub(super) fn check_column(rules: &Rules<'_>, column: &ColumnDef) -> Result<(), String> {
    let name = &column.name;
    let is_word = |word: &&str| name.value.eq_ignore_ascii_case(word);
    let is_custom = matches!(column.data_type, DataType::Custom(..));
    let begins_else = NO_COLUMNS.iter().any(is_word) || is_custom && is_keyword(&name.value);
    if name.quote_style.is_none() && begins_else {
        return Err(format!("a column with the name `{name}` needs quotes"));
    }
    check_type(rules, column)?;
    let options = column.options.iter().map(|option| &option.option);
    check_column_options(rules, options)
}

/// Refuses exact decimals in SQLite, which would store them as floats.
fn check_type(rules: &Rules<'_>, column: &ColumnDef) -> Result<(), String> {
    let declared = column.data_type.to_string().to_ascii_uppercase();
    let is_decimal = ["DECIMAL", "NUMERIC", "DEC"].iter().any(|name| {
        let rest = declared.strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    });
    match rules.dialect == Dialect::Sqlite && is_decimal {
        true => Err(format!(
            "column `{}` is declared {declared}, which SQLite stores as a float; declare it TEXT",
            column.name
        )),
        false => Ok(()),
    }
}

/// Returns whether the word is a keyword in any database's SQL: before an
/// unknown type, it may begin a form that the parser does not know.
fn is_keyword(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    ALL_KEYWORDS.binary_search(&word.as_str()).is_ok()
}

/// Checks the options of one column.
pub(super) fn check_column_options<'a>(
    rules: &Rules<'_>,
    options: impl IntoIterator<Item = &'a ColumnOption>,
) -> Result<(), String> {
    for option in options {
        match option {
            ColumnOption::Generated {
                generation_expr_mode: mode,
                ..
            } if rules.dialect == Dialect::Sqlite
                && *mode != Some(GeneratedExpressionMode::Stored) =>
            {
                return Err(
                    "SQLite computes a column that is not STORED anew in each place, \
                    and those that it uses: a generated column is STORED"
                        .into(),
                );
            }
            ColumnOption::ForeignKey(key) => check_foreign_key(rules, key)?,
            ColumnOption::DialectSpecific(tokens) if is_auto_increment(tokens) => {}
            ColumnOption::Null
            | ColumnOption::NotNull
            | ColumnOption::Default(_)
            | ColumnOption::PrimaryKey(_)
            | ColumnOption::Unique(_)
            | ColumnOption::Check(_)
            | ColumnOption::CharacterSet(_)
            | ColumnOption::Collation(_)
            | ColumnOption::Comment(_)
            | ColumnOption::OnUpdate(_)
            | ColumnOption::Generated { .. }
            | ColumnOption::OnConflict(_)
            | ColumnOption::Invisible => {}
            other => return Err(format!("the column option `{other}` is not allowed")),
        }
    }
    Ok(())
}

fn is_auto_increment(tokens: &[Token]) -> bool {
    let [Token::Word(word)] = tokens else {
        return false;
    };
    let names = ["AUTO_INCREMENT", "AUTOINCREMENT"];
    names
        .iter()
        .any(|name| word.value.eq_ignore_ascii_case(name))
}

/// Checks a constraint of a table.
pub(super) fn check_constraint(
    rules: &Rules<'_>,
    constraint: &TableConstraint,
) -> Result<(), String> {
    match constraint {
        TableConstraint::ForeignKey(key) => check_foreign_key(rules, key),
        TableConstraint::Unique(_)
        | TableConstraint::PrimaryKey(_)
        | TableConstraint::Check(_)
        | TableConstraint::Index(_)
        | TableConstraint::FulltextOrSpatial(_) => Ok(()),
        other => Err(format!("the constraint `{other}` is not allowed")),
    }
}

/// Checks a foreign key. A key prevents rows of the referenced table from being
/// deleted, and so requires write access to that table.
fn check_foreign_key(rules: &Rules<'_>, key: &ForeignKeyConstraint) -> Result<(), String> {
    rules.require_write(&simple_name(&key.foreign_table)?)
}
