//! Which function a call reaches: the database's own, or one that somebody
//! stored, which runs with that person's rights.

use std::collections::HashSet;

use sqlparser::ast::Function;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::functions;
use crate::sql::Dialect;

/// What tells the calls of one statement apart.
pub(super) struct Calls {
    dialect: Dialect,
    /// Where words begin whose parenthesis stands apart.
    apart: HashSet<Location>,
}

impl Calls {
    /// Of the statement that these tokens are.
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

    /// Whether a statement may call the function. A qualified or quoted name
    /// may be a stored function's.
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
