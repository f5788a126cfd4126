//! Columns that a WHERE clause compares with one value.

use sqlparser::ast::{BinaryOperator, Expr, Ident, Value as Literal};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use crate::sql::Value;

/// The value that a column is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// The parameter at this index, from 0.
    Parameter(usize),
    /// An integer in the statement's text.
    Integer(i64),
}

impl Fixed {
    /// Returns the value if it is an integer. Only integers are row keys: texts are compared by
    /// collation, in which different texts may be equal.
    #[must_use]
    pub fn key(self, parameters: &[Value]) -> Option<i64> {
        match self {
            Self::Integer(key) => Some(key),
            Self::Parameter(index) => match parameters.get(index) {
                Some(Value::Integer(key)) => Some(*key),
                _ => None,
            },
        }
    }
}

/// Conjunct of a WHERE clause that compares a column with one value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Equality {
    /// Word before the column's dot.
    pub(super) qualifier: Option<String>,
    /// Column, in lower case.
    pub(super) column: String,
    pub(super) value: Fixed,
}

/// Returns the conjuncts of `condition` that compare a column with one value.
pub(super) fn equalities(condition: &Expr, tokens: &[TokenWithSpan]) -> Vec<Equality> {
    match condition {
        Expr::Nested(inner) => equalities(inner, tokens),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And => {
                let mut both = equalities(left, tokens);
                both.extend(equalities(right, tokens));
                both
            }
            BinaryOperator::Eq => equality(left, right, tokens)
                .or_else(|| equality(right, left, tokens))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn equality(column: &Expr, value: &Expr, tokens: &[TokenWithSpan]) -> Option<Equality> {
    let (qualifier, column) = column_name(column)?;
    Some(Equality {
        qualifier: qualifier.map(|ident| ident.value.clone()),
        column: column.value.to_ascii_lowercase(),
        value: fixed(value, tokens)?,
    })
}

/// Returns the parts of an expression that is the name of a column, and nothing else.
pub(super) fn column_name(expression: &Expr) -> Option<(Option<&Ident>, &Ident)> {
    match expression {
        Expr::Identifier(column) => Some((None, column)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] => Some((Some(table), column)),
            _ => None,
        },
        _ => None,
    }
}

fn fixed(expression: &Expr, tokens: &[TokenWithSpan]) -> Option<Fixed> {
    let Expr::Value(value) = expression else {
        return None;
    };
    match &value.value {
        Literal::Number(digits, _) => digits.parse().ok().map(Fixed::Integer),
        Literal::Placeholder(_) => Some(Fixed::Parameter(parameter(value.span.start, tokens))),
        _ => None,
    }
}

/// Returns the index of the parameter at `location`, from 0.
fn parameter(location: Location, tokens: &[TokenWithSpan]) -> usize {
    let before = tokens.iter().filter(|token| {
        matches!(token.token, Token::Placeholder(_)) && token.span.start < location
    });
    before.count()
}
