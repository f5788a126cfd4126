//! Columns that a WHERE clause compares with one value.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Ident, Value as Literal, visit_expressions};
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

/// Places of the parameters in a statement's text, in their order.
pub(super) struct Placeholders(Vec<Location>);

impl Placeholders {
    pub(super) fn of(tokens: &[TokenWithSpan]) -> Self {
        let placeholders = tokens
            .iter()
            .filter(|token| matches!(token.token, Token::Placeholder(_)));
        Self(placeholders.map(|token| token.span.start).collect())
    }

    /// Returns the index of the parameter at `location`, from 0.
    fn index(&self, location: Location) -> usize {
        self.0.partition_point(|before| *before < location)
    }
}

/// Returns the conjuncts of `condition` that compare a column with one value. There are none if the
/// condition has an operator that databases may bind in another way than the parser does.
pub(super) fn equalities(condition: &Expr, placeholders: &Placeholders) -> Vec<Equality> {
    let mut found = Vec::new();
    if binds_as_parsed(condition) {
        collect(condition, placeholders, &mut found);
    }
    found
}

fn collect(condition: &Expr, placeholders: &Placeholders, found: &mut Vec<Equality>) {
    match condition {
        Expr::Nested(inner) => collect(inner, placeholders, found),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And => {
                collect(left, placeholders, found);
                collect(right, placeholders, found);
            }
            BinaryOperator::Eq => {
                let found_left = equality(left, right, placeholders);
                found.extend(found_left.or_else(|| equality(right, left, placeholders)));
            }
            _ => {}
        },
        _ => {}
    }
}

/// Returns whether all operators in `condition` are among those that every database binds alike:
/// MySQL's XOR, for one, binds less tightly than AND, and the parser's more.
fn binds_as_parsed(condition: &Expr) -> bool {
    use BinaryOperator as Is;
    let visited = visit_expressions(condition, |expression| match expression {
        Expr::BinaryOp { op, .. } => match op {
            Is::And | Is::Or | Is::Eq | Is::NotEq | Is::Lt | Is::LtEq | Is::Gt | Is::GtEq => {
                ControlFlow::Continue(())
            }
            Is::Plus | Is::Minus | Is::Multiply | Is::Divide => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        },
        _ => ControlFlow::Continue(()),
    });
    visited.is_continue()
}

fn equality(column: &Expr, value: &Expr, placeholders: &Placeholders) -> Option<Equality> {
    let (qualifier, column) = column_name(column)?;
    Some(Equality {
        qualifier: qualifier.map(|ident| ident.value.clone()),
        column: column.value.to_ascii_lowercase(),
        value: fixed(value, placeholders)?,
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

fn fixed(expression: &Expr, placeholders: &Placeholders) -> Option<Fixed> {
    let Expr::Value(value) = expression else {
        return None;
    };
    match &value.value {
        Literal::Number(digits, _) => digits.parse().ok().map(Fixed::Integer),
        Literal::Placeholder(_) => {
            let index = placeholders.index(value.span.start);
            Some(Fixed::Parameter(index))
        }
        _ => None,
    }
}
