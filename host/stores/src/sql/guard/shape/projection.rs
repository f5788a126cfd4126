//! The SELECT list of a query whose rows are each made of one row of each table.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use sqlparser::ast::{
    Expr, Function, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Visit, Visitor,
    visit_expressions,
};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::fixed::column_name;
use crate::sql::guard::functions::is_aggregate;

/// SELECT list of a query without aggregation.
pub(super) struct Projection {
    /// Place of the list in the text. Columns that are named only there do not decide which rows
    /// are in the result.
    pub(super) range: Range<Location>,
    /// Columns that are items by themselves, by their position in the result.
    pub(super) columns: Vec<SelectedColumn>,
    /// Names that items get by `AS`, in lower case.
    pub(super) aliases: BTreeSet<String>,
    /// True if `ORDER BY` may name an item by its number.
    pub(super) is_ordered_by_number: bool,
}

/// Column that is an item of the list by itself.
pub(super) struct SelectedColumn {
    /// Word before the column's dot.
    pub(super) qualifier: Option<String>,
    /// Column, in lower case.
    pub(super) column: String,
    /// Index of the value in a row of the result.
    pub(super) index: usize,
}

/// Returns the SELECT list of `query`; `None` if one row of the result may be made of several rows
/// of a table, or its list is not understood.
pub(super) fn projection(query: &Query, tokens: &[TokenWithSpan]) -> Option<Projection> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    if query.with.is_some()
        || !is_plain(select)
        || aggregates(query)
        || ranks_by_relevance(query)
        || has_subquery(select)
    {
        return None;
    }
    Some(Projection {
        range: range(tokens)?,
        columns: columns(select),
        aliases: select.projection.iter().filter_map(alias).collect(),
        is_ordered_by_number: is_ordered_by_number(query),
    })
}

fn is_plain(select: &Select) -> bool {
    let is_grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(expressions, _) => !expressions.is_empty(),
    };
    !is_grouped
        && select.distinct.is_none()
        && select.select_modifiers.is_none()
        && select.having.is_none()
        && select.named_window.is_empty()
        && select.qualify.is_none()
}

/// Returns the place between SELECT, which begins the text, and its FROM.
fn range(tokens: &[TokenWithSpan]) -> Option<Range<Location>> {
    let mut depth = 0_u32;
    let mut words = tokens.iter().filter(|token| match &token.token {
        Token::LParen => {
            depth += 1;
            false
        }
        Token::RParen => {
            depth = depth.saturating_sub(1);
            false
        }
        Token::Word(word) => depth == 0 && word.quote_style.is_none(),
        _ => false,
    });
    let is = |token: &TokenWithSpan, keyword: &str| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(keyword));
    let select = words.next().filter(|token| is(token, "SELECT"))?;
    let from = words.find(|token| is(token, "FROM"))?;
    Some(select.span.end..from.span.start)
}

fn columns(select: &Select) -> Vec<SelectedColumn> {
    let mut columns = Vec::new();
    for (index, item) in select.projection.iter().enumerate() {
        let expression = match item {
            SelectItem::UnnamedExpr(expression) => expression,
            SelectItem::ExprWithAlias { expr, .. } => expr,
            // The number of columns before the next item is unknown.
            _ => break,
        };
        if let Some((qualifier, column)) = column_name(expression) {
            columns.push(SelectedColumn {
                qualifier: qualifier.map(|ident| ident.value.clone()),
                column: column.value.to_ascii_lowercase(),
                index,
            });
        }
    }
    columns
}

fn alias(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_ascii_lowercase()),
        _ => None,
    }
}

/// Returns whether `ORDER BY` may name an item by its number: any expression without a column may be
/// such a number.
fn is_ordered_by_number(query: &Query) -> bool {
    let Some(order) = &query.order_by else {
        return false;
    };
    match &order.kind {
        OrderByKind::All(_) => true,
        OrderByKind::Expressions(expressions) => !expressions.iter().all(names_column),
    }
}

fn names_column(expression: &impl Visit) -> bool {
    finds(expression, |expression| {
        matches!(
            expression,
            Expr::Identifier(_) | Expr::CompoundIdentifier(_)
        )
    })
}

/// Returns whether any aggregate or window function is called anywhere in `query`.
fn aggregates(query: &Query) -> bool {
    finds(
        query,
        |expression| matches!(expression, Expr::Function(function) if may_aggregate(function)),
    )
}

/// Returns whether a full-text search anywhere in `query` tells the relevance of a row, which depends
/// on how often its words are in others.
pub(super) fn ranks_by_relevance(query: &Query) -> bool {
    finds(query, |expression| {
        matches!(expression, Expr::MatchAgainst { .. })
    })
}

fn may_aggregate(function: &Function) -> bool {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    function.over.is_some()
        || name.is_none_or(|name| is_aggregate(&name.value.to_ascii_lowercase()))
}

fn finds(tree: &impl Visit, mut is_wanted: impl FnMut(&Expr) -> bool) -> bool {
    let visited = visit_expressions(tree, |expression| match is_wanted(expression) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    visited.is_break()
}

fn has_subquery(select: &Select) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    select.projection.visit(&mut Finder).is_break()
}
