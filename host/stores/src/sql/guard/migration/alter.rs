//! Checks ALTER TABLE. The parser does not know MySQL's table options there
//! (`ENGINE`, `CONVERT TO CHARACTER SET`, ...), so they are read here, and each
//! other change is parsed by itself.

use sqlparser::ast::{AlterTable, AlterTableOperation, Statement};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::super::calls::Calls;
use super::super::tables::simple_name;
use super::super::{parse_one, parser_dialect};
use super::table_options::is_known_option;
use super::{Rules, create};
use crate::sql::Dialect;

/// Returns whether the statement begins with ALTER.
pub(super) fn is_alter(tokens: &[TokenWithSpan]) -> bool {
    let first = tokens.iter().find(|token| !is_blank(token));
    first.is_some_and(|token| is_word(&token.token, "ALTER"))
}

/// Checks an ALTER TABLE, change by change.
///
/// # Errors
/// Names the table that is not granted, or the change that is not allowed.
pub(super) fn check(
    rules: &Rules<'_>,
    tokens: Vec<TokenWithSpan>,
    calls: &Calls,
) -> Result<(), String> {
    let tokens = significant(tokens);
    let (head, changes) = split_head(&tokens)?;
    if let [_, _, name] = head {
        rules.require_write(&table_name(&name.token)?)?;
    }
    for change in split_at_commas(changes) {
        let is_options = rules.dialect == Dialect::Mysql && are_options(change);
        if !is_options {
            check_change(rules, [head, &without_existence(change)].concat(), calls)?;
        }
    }
    Ok(())
}

/// Returns the tokens without blanks and without the end-of-file token.
pub(super) fn significant(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    tokens.retain(|token| !is_blank(token) && token.token != Token::EOF);
    tokens
}

/// Splits `ALTER TABLE name` from the changes that follow.
pub(super) fn split_head(
    tokens: &[TokenWithSpan],
) -> Result<(&[TokenWithSpan], &[TokenWithSpan]), String> {
    match tokens.split_at_checked(3) {
        Some((head @ [_, table, _], changes)) if is_word(&table.token, "TABLE") => {
            Ok((head, changes))
        }
        _ => Err("this form of ALTER is not allowed".into()),
    }
}

pub(super) fn table_name(token: &Token) -> Result<String, String> {
    match token {
        Token::Word(Word { value, .. }) => Ok(value.clone()),
        other => Err(format!("`{other}` is not the name of a table")),
    }
}

/// Splits a list of changes at the commas that are outside of parentheses.
pub(super) fn split_at_commas(tokens: &[TokenWithSpan]) -> impl Iterator<Item = &[TokenWithSpan]> {
    let mut depth = 0_usize;
    tokens.split(move |token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.token == Token::Comma
    })
}

/// Returns the change without `IF EXISTS` and `IF NOT EXISTS`, which MariaDB
/// knows in most changes and the parser in few. Neither affects which tables
/// are touched.
pub(super) fn without_existence(change: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut kept = Vec::with_capacity(change.len());
    let mut rest = change;
    while let Some((token, after)) = rest.split_first() {
        let phrases: [&[&str]; 2] = [&["IF", "NOT", "EXISTS"], &["IF", "EXISTS"]];
        let phrase = phrases.iter().find(|phrase| begins_with(rest, phrase));
        rest = match phrase {
            Some(phrase) => rest.get(phrase.len()..).unwrap_or_default(),
            None => {
                kept.push(token.clone());
                after
            }
        };
    }
    kept
}

fn begins_with(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    let head = tokens.get(..words.len()).unwrap_or_default();
    !head.is_empty()
        && head
            .iter()
            .zip(words)
            .all(|(token, word)| is_word(&token.token, word))
}

fn check_change(
    rules: &Rules<'_>,
    tokens: Vec<TokenWithSpan>,
    calls: &Calls,
) -> Result<(), String> {
    let parsed = parse_one(parser_dialect(rules.dialect), tokens);
    let statement = parsed.map_err(|error| error.to_string())?;
    let Statement::AlterTable(alter) = &statement else {
        return Err("this form of ALTER is not allowed".into());
    };
    let AlterTable {
        name,
        if_exists: false,
        only: false,
        operations,
        location: None,
        on_cluster: None,
        table_type: None,
        ..
    } = alter
    else {
        return Err("this form of ALTER TABLE is not allowed".into());
    };
    rules.require_write(&simple_name(name)?)?;
    for operation in operations {
        check_operation(rules, operation)?;
    }
    rules.check_named(&statement, calls)
}

fn check_operation(rules: &Rules<'_>, operation: &AlterTableOperation) -> Result<(), String> {
    use AlterTableOperation as Op;
    match operation {
        Op::AddColumn { column_def, .. } => create::check_column(rules, column_def),
        Op::AddConstraint { constraint, .. } => create::check_constraint(rules, constraint),
        Op::ChangeColumn { options, .. } | Op::ModifyColumn { options, .. } => {
            create::check_column_options(rules, options)
        }
        Op::AlterColumn { .. }
        | Op::RenameColumn { .. }
        | Op::RenameConstraint { .. }
        | Op::DropColumn { .. }
        | Op::DropConstraint { .. }
        | Op::DropForeignKey { .. }
        | Op::DropIndex { .. }
        | Op::DropPrimaryKey { .. }
        | Op::Algorithm { .. }
        | Op::Lock { .. }
        | Op::AutoIncrement { .. } => Ok(()),
        other => Err(format!("the change `{other}` is not allowed")),
    }
}

/// A table option, such as `ENGINE = InnoDB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super::super) struct TableOption {
    /// Name in upper case, without DEFAULT.
    pub(in super::super::super) name: String,
    pub(in super::super::super) value: String,
    /// True if the option stands after CONVERT TO.
    pub(in super::super::super) converts: bool,
}

/// Returns whether the tokens consist of allowed table options only.
fn are_options(tokens: &[TokenWithSpan]) -> bool {
    table_options(tokens).is_some()
}

/// Returns the table options that the tokens consist of, if all are allowed.
pub(super) fn table_options(tokens: &[TokenWithSpan]) -> Option<Vec<TableOption>> {
    let mut words = Vec::new();
    for token in tokens {
        match &token.token {
            Token::Word(word) if word.quote_style.is_none() => words.push(word.value.as_str()),
            Token::Number(number, false) => words.push(number),
            Token::Eq => words.push("="),
            _ => return None,
        }
    }
    let mut rest = words.as_slice();
    let mut options = Vec::new();
    while !rest.is_empty() {
        let (option, after) = option(rest)?;
        options.push(option);
        rest = after;
    }
    (!options.is_empty()).then_some(options)
}

/// Reads one option, and returns it with the words that follow it.
fn option<'a, 'b>(words: &'a [&'b str]) -> Option<(TableOption, &'a [&'b str])> {
    let converted = after(words, &["CONVERT", "TO"]);
    let words = converted.unwrap_or(words);
    let words = after(words, &["DEFAULT"]).unwrap_or(words);
    let names: [&[&str]; 6] = [
        &["CHARACTER", "SET"],
        &["CHARSET"],
        &["COLLATE"],
        &["ENGINE"],
        &["ROW_FORMAT"],
        &["AUTO_INCREMENT"],
    ];
    let (name, rest) = names
        .iter()
        .find_map(|name| Some((name.join(" "), after(words, name)?)))?;
    let rest = after(rest, &["="]).unwrap_or(rest);
    let (value, rest) = rest.split_first()?;
    let option = TableOption {
        name,
        value: (*value).to_owned(),
        converts: converted.is_some(),
    };
    is_known_option(&option.name, value).then_some((option, rest))
}

/// Returns the words after `prefix`, if they begin with it.
fn after<'a, 'b>(words: &'a [&'b str], prefix: &[&str]) -> Option<&'a [&'b str]> {
    let (head, rest) = words.split_at_checked(prefix.len())?;
    let alike = head
        .iter()
        .zip(prefix)
        .all(|(word, expected)| word.eq_ignore_ascii_case(expected));
    alike.then_some(rest)
}

fn is_blank(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case(expected))
}
