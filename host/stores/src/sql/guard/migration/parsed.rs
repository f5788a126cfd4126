//! Parses the statements of a MySQL migration for comparison with the existing
//! tables.

use sqlparser::ast::{AlterTableOperation, CreateIndex, CreateTable, Statement};
use sqlparser::dialect::MySqlDialect;
use sqlparser::tokenizer::TokenWithSpan;

use super::super::{lexing, parse_one};
use super::alter::{self, TableOption};

/// A statement that passed [`checked_statements`](super::checked_statements).
#[derive(Debug, Clone)]
pub(in super::super::super) enum ParsedStatement {
    CreateTable(Box<CreateTable>),
    CreateIndex(Box<CreateIndex>),
    Alter {
        table: String,
        changes: Vec<AlterChange>,
    },
    /// An INSERT, UPDATE or DELETE.
    Rows(Box<Statement>),
}

/// One change of an ALTER TABLE.
#[derive(Debug, Clone)]
pub(in super::super::super) struct AlterChange {
    /// Text of the change, with its tokens separated by single blanks.
    pub(in super::super::super) text: String,
    pub(in super::super::super) kind: AlterKind,
}

/// Parsed form of a change of an ALTER TABLE.
#[derive(Debug, Clone)]
pub(in super::super::super) enum AlterKind {
    Options(Vec<TableOption>),
    Operation(Box<AlterTableOperation>),
}

/// Parses one statement of a MySQL migration.
///
/// # Errors
/// Says what is wrong with a statement that has not passed
/// [`checked_statements`](super::checked_statements).
pub(in super::super::super) fn parse(text: &str) -> Result<ParsedStatement, String> {
    let tokens = lexing::unambiguous(&MySqlDialect {}, text).map_err(|error| error.to_string())?;
    if alter::is_alter(&tokens) {
        return parse_alter(tokens);
    }
    match parse_one(&MySqlDialect {}, tokens).map_err(|error| error.to_string())? {
        Statement::CreateTable(table) => Ok(ParsedStatement::CreateTable(Box::new(table))),
        Statement::CreateIndex(index) => Ok(ParsedStatement::CreateIndex(Box::new(index))),
        rows => Ok(ParsedStatement::Rows(Box::new(rows))),
    }
}

fn parse_alter(tokens: Vec<TokenWithSpan>) -> Result<ParsedStatement, String> {
    let tokens = alter::significant(tokens);
    let (head, rest) = alter::split_head(&tokens)?;
    let [_, _, name] = head else {
        return Err("this form of ALTER is not allowed".into());
    };
    let changes = alter::split_at_commas(rest).map(|change| parse_change(head, change));
    Ok(ParsedStatement::Alter {
        table: alter::table_name(&name.token)?,
        changes: changes.collect::<Result<_, _>>()?,
    })
}

fn parse_change(head: &[TokenWithSpan], change: &[TokenWithSpan]) -> Result<AlterChange, String> {
    let words: Vec<_> = change.iter().map(|token| token.token.to_string()).collect();
    let text = words.join(" ");
    if let Some(options) = alter::table_options(change) {
        let kind = AlterKind::Options(options);
        return Ok(AlterChange { text, kind });
    }
    let tokens = [head, &alter::without_existence(change)].concat();
    let parsed = parse_one(&MySqlDialect {}, tokens).map_err(|error| error.to_string())?;
    let Statement::AlterTable(alter) = parsed else {
        return Err("this form of ALTER is not allowed".into());
    };
    let mut operations = alter.operations.into_iter();
    match (operations.next(), operations.next()) {
        (Some(operation), None) => {
            let kind = AlterKind::Operation(Box::new(operation));
            Ok(AlterChange { text, kind })
        }
        _ => Err("this form of ALTER is not allowed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_a_table_are_read_one_by_one() {
        let text = "ALTER TABLE t ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE x, \
            ADD COLUMN IF NOT EXISTS a DECIMAL(10, 2) NOT NULL DEFAULT 0.00, DROP INDEX i";
        let Ok(ParsedStatement::Alter { table, changes }) = parse(text) else {
            panic!("an ALTER");
        };
        assert_eq!(table, "t");
        let kinds: Vec<_> = changes.iter().map(|change| &change.kind).collect();
        let [
            AlterKind::Options(engine),
            AlterKind::Options(convert),
            AlterKind::Operation(add),
            AlterKind::Operation(drop),
        ] = kinds.as_slice()
        else {
            panic!("{changes:?}");
        };
        assert_eq!(engine[0].value, "InnoDB");
        assert!(convert[0].converts && convert[1].name == "COLLATE");
        assert!(matches!(**add, AlterTableOperation::AddColumn { .. }));
        assert!(matches!(**drop, AlterTableOperation::DropIndex { .. }));
        assert!(changes[2].text.contains("DECIMAL ( 10 , 2 )"));
    }
}
