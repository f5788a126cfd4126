//! Tells calls of built-in functions from calls of stored ones, which run with
//! the privileges of the user who defined them.

use std::collections::HashSet;

use sqlparser::ast::Function;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::functions;
use crate::sql::Dialect;

/// Positions in one statement that decide which function a call reaches.
pub(super) struct Calls {
    dialect: Dialect,
    /// Start of each word that is separated from its opening parenthesis by
    /// blanks.
    apart: HashSet<Location>,
}

impl Calls {
    /// Returns the calls of the statement that consists of `tokens`.
    pub(super) fn new(dialect: Dialect, tokens: &[TokenWithSpan]) -> Self {
        let is_blank = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
        let starts = tokens.iter().enumerate().filter_map(|(index, token)| {
            let rest = tokens.get(index + 1..)?;
            let next = rest.iter().position(|token| !is_blank(token))?;
            let is_call = rest.get(next)?.token == Token::LParen;
            (is_call && next > 0).then_some(token.span.start)
        });
        Self {
            dialect,
            apart: starts.collect(),
        }
    }

    /// Returns whether a statement may call the function. A qualified or quoted
    /// name may refer to a stored function, and is refused.
    pub(super) fn allow(&self, function: &Function) -> bool {
        let [part] = function.name.0.as_slice() else {
            return false;
        };
        let Some(name) = part.as_ident().filter(|name| name.quote_style.is_none()) else {
            return false;
        };
        functions::is_allowed(&name.value)
            && match self.dialect {
                Dialect::Sqlite => true,
                Dialect::Mysql => {
                    let is_apart = self.apart.contains(&name.span.start);
                    functions::is_mysqls(&name.value, is_apart)
                }
            }
    }
}
