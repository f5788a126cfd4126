//! Decides which statements a plugin may run. Each text is parsed once, checked
//! against the grant, and the verdict cached.
//!
//! The guard is the first of two checks. The second is the database's own:
//! SQLite asks an authorizer while it prepares a text
//! ([`sqlite::authorizer`](super::sqlite)), and a MySQL server checks the
//! privileges of the user that the operator created for the plugin.

mod calls;
mod depth;
pub(super) mod functions;
mod grant;
mod lexing;
mod limit_clause;
pub(super) mod migration;
mod parameters;
mod shape;
mod summary;
mod tables;

use std::sync::Arc;

use quick_cache::sync::Cache;
use sqlparser::ast::Statement;
use sqlparser::dialect::{Dialect, MySqlDialect, SQLiteDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use self::calls::Calls;
use self::lexing::LexError;
use crate::sql::{Dialect as SqlDialect, Error};

pub use self::functions::is_allowed as is_allowed_function;
pub use self::grant::TableGrant;
pub(in crate::sql) use self::grant::folded;
pub use self::limit_clause::planned_once;
pub use self::shape::{
    Change, ChangeKind, Columns, Dependency, Fixed, ReadShape, RowSet, Shape, TableChange,
    TableRead, WriteShape,
};

/// Number of statement texts whose verdicts are cached for one plugin. A plugin
/// that generates ever new texts only pays for parsing them.
const KEPT: usize = 2048;

/// Longest statement text, in bytes.
const MAX_TEXT: usize = 256 * 1024;

/// Class of a checked statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A SELECT.
    Query,
    /// An INSERT, UPDATE or DELETE.
    Change,
}

/// A statement that the guard allowed. Its text is shared, so that running it
/// copies nothing.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The text that is sent to the database.
    pub text: Arc<str>,
    /// Class of the statement.
    pub kind: Kind,
    /// Tables, columns and rows that the statement reads or changes.
    pub shape: Arc<Shape>,
    summary: Arc<str>,
    parameters: usize,
}

impl Checked {
    /// Returns the statement if it takes as many parameters as were `given`.
    fn with(self, given: usize) -> Result<Self, Error> {
        if self.parameters == given {
            return Ok(self);
        }
        let takes = self.parameters;
        Err(Error::Invalid(format!(
            "the statement takes {takes} parameter(s), and {given} were given"
        )))
    }
}

/// Checks statements of one plugin on one database, and caches the verdicts.
pub struct Guard {
    grant: TableGrant,
    dialect: SqlDialect,
    verdicts: Cache<Arc<str>, Result<Checked, String>>,
}

impl Guard {
    /// Returns a guard that allows the tables of `grant`.
    #[must_use]
    pub fn new(grant: TableGrant, dialect: SqlDialect) -> Self {
        Self {
            grant,
            dialect,
            verdicts: Cache::new(KEPT),
        }
    }

    /// Returns the tables that the statements may use.
    pub(super) fn grant(&self) -> &TableGrant {
        &self.grant
    }

    /// Returns the statement `text`, if the plugin may run it as `kind` with
    /// this number of parameters.
    ///
    /// # Errors
    /// When the text is no statement of that kind, uses what the grant does not
    /// allow, is too long, or takes another number of parameters.
    pub fn check(&self, text: &str, kind: Kind, parameters: usize) -> Result<Checked, Error> {
        let verdict = match self.verdicts.get(text) {
            Some(verdict) => verdict,
            None => {
                let shared: Arc<str> = text.into();
                let verdict = self.check_new(&shared)?;
                self.verdicts.insert(shared, verdict.clone());
                verdict
            }
        };
        match verdict {
            Ok(checked) if checked.kind == kind => checked.with(parameters),
            Ok(_) if kind == Kind::Query => Err(Error::Denied("`query` runs SELECT only".into())),
            Ok(_) => Err(Error::Denied(
                "`execute` runs INSERT, UPDATE and DELETE only".into(),
            )),
            Err(reason) => Err(Error::Denied(reason)),
        }
    }

    /// Returns the name in traces of an allowed statement whose verdict is
    /// cached.
    pub(super) fn summary(&self, text: &str) -> Option<Arc<str>> {
        let checked = self.verdicts.get(text)?.ok()?;
        Some(checked.summary)
    }

    /// Checks the text in full. A text that is no SQL is invalid as opposed to
    /// denied, and its verdict is not cached.
    fn check_new(&self, text: &Arc<str>) -> Result<Result<Checked, String>, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::TooLarge(format!(
                "a statement text has at most {MAX_TEXT} bytes"
            )));
        }
        let dialect = parser_dialect(self.dialect);
        let tokens = match lexing::statement_tokens(dialect, text) {
            Ok(tokens) => tokens,
            Err(LexError::Ambiguous(problem)) => return Ok(Err(problem)),
            Err(LexError::Invalid(error)) => return Err(Error::Invalid(error.to_string())),
        };
        let calls = Calls::new(self.dialect, &tokens);
        match parse_one(dialect, tokens.clone()) {
            Ok(statement) => Ok(self.permit(text, &statement, &tokens, &calls)),
            Err(error) => Err(Error::Invalid(error.to_string())),
        }
    }

    /// Returns the text that is sent to the database.
    fn prepared(&self, text: &Arc<str>) -> Arc<str> {
        match self.dialect {
            SqlDialect::Sqlite => limit_clause::planned_once(text).into(),
            SqlDialect::Mysql => text.clone(),
        }
    }

    fn permit(
        &self,
        text: &Arc<str>,
        statement: &Statement,
        tokens: &[TokenWithSpan],
        calls: &Calls,
    ) -> Result<Checked, String> {
        let used = tables::used_by(statement, calls)?;
        self.grant.permit(&used, self.dialect)?;
        let kind = match statement {
            Statement::Query(_) => Kind::Query,
            _ => Kind::Change,
        };
        Ok(Checked {
            text: self.prepared(text),
            kind,
            shape: Arc::new(Shape::new(statement, tokens, &used, self.dialect)),
            summary: summary::of(statement, &used),
            parameters: parameters::count(statement)?,
        })
    }
}

fn parser_dialect(dialect: SqlDialect) -> &'static dyn Dialect {
    match dialect {
        SqlDialect::Sqlite => &SQLiteDialect {},
        SqlDialect::Mysql => &MySqlDialect {},
    }
}

/// Parses one statement that is not nested too deeply, and requires that
/// nothing follows it. The parser's own loop over statements stops at the word
/// `END` and ignores the rest, which the databases take for an alias and read
/// on.
fn parse_one(dialect: &dyn Dialect, tokens: Vec<TokenWithSpan>) -> Result<Statement, ParserError> {
    if depth::is_too_deep(&tokens) {
        return Err(ParserError::RecursionLimitExceeded);
    }
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let statement = parser.parse_statement()?;
    while parser.consume_token(&Token::SemiColon) {}
    match parser.next_token().token {
        Token::EOF => Ok(statement),
        token => Err(ParserError::ParserError(format!(
            "one statement at a time: `{token}` follows its end"
        ))),
    }
}

#[cfg(test)]
mod tests;
