//! Shapes of SELECTs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlparser::ast::{Query, Select, SetExpr, TableFactor};
use sqlparser::tokenizer::TokenWithSpan;

use super::columns::Columns;
use super::dependency::{Dependency, RowSet};
use super::fixed::{Equality, Fixed, Placeholders, equalities};
use super::projection::{Projection, projection, ranks_by_relevance};
use super::volatile::is_volatile;
use super::words::Words;
use crate::sql::guard::grant::folded;
use crate::sql::guard::tables::Tables;
use crate::sql::rows::KeyCell;
use crate::sql::{Dialect, Value};

/// Shape of a SELECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadShape {
    /// Tables that the result depends on.
    pub tables: Vec<TableRead>,
    /// True if the result is decided by the tables and the parameters: the statement reads no
    /// clock, calls no random function and locks no rows.
    pub is_repeatable: bool,
    /// True if each row of the result is made of one row of each table at most.
    is_plain: bool,
}

/// Part of one table that the result of a SELECT depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRead {
    /// Table, in the spelling of the grant.
    pub table: String,
    /// Columns whose values the result depends on.
    pub columns: Columns,
    /// Columns that decide which rows are in the result, and in which order; all are in `columns`.
    pub membership: Columns,
    /// Columns that WHERE compares with one value, if only rows with this value are read.
    fixed: BTreeMap<String, Fixed>,
    /// Indexes in a row of the result of columns of the table's row that it is made of.
    selected: BTreeMap<String, usize>,
}

/// Returns the shape of `query`, which consists of `tokens` and uses the tables `used`.
pub(super) fn shape(
    query: &Query,
    tokens: &[TokenWithSpan],
    used: &Tables,
    dialect: Dialect,
) -> ReadShape {
    let tables = used.read.iter();
    let tables: BTreeSet<_> = tables
        .map(|table| folded(table, dialect).into_owned())
        .collect();
    let words = Words::new(query, tokens, &tables, dialect);
    let projection = projection(query, tokens);
    let equalities = own_equalities(query, tokens);
    let reads = tables.iter().map(|table| {
        let mut read = whole_table(table, &words, projection.as_ref());
        if let SetExpr::Select(select) = &*query.body
            && words.is_used_once(table)
            && relations(select, dialect).contains(table)
        {
            let scope = Scope {
                words: &words,
                only: only_relation(select, dialect),
            };
            read.fixed = fixed(table, &equalities, &scope);
            read.selected = selected(table, projection.as_ref(), &scope);
        }
        read
    });
    ReadShape {
        tables: reads.collect(),
        is_repeatable: !used.locks && !is_volatile(tokens, dialect),
        is_plain: projection.is_some(),
    }
}

fn whole_table(table: &str, words: &Words, projection: Option<&Projection>) -> TableRead {
    let columns = words.columns(table, None);
    let membership = match projection {
        Some(projection) if !orders_by_items(words, projection) => {
            words.columns(table, Some(&projection.range))
        }
        _ => columns.clone(),
    };
    TableRead {
        table: table.to_owned(),
        columns,
        membership,
        fixed: BTreeMap::new(),
        selected: BTreeMap::new(),
    }
}

/// Returns whether an item of the SELECT list is named outside of it, so that its columns may
/// decide on the order or the membership of rows.
fn orders_by_items(words: &Words, projection: &Projection) -> bool {
    projection.is_ordered_by_number || words.any_of(&projection.aliases, &projection.range)
}

/// Rules by which a column in a query's own clauses, outside of subqueries, belongs to a table.
struct Scope<'a> {
    words: &'a Words,
    /// The only relation in FROM, to which unqualified columns belong.
    only: Option<String>,
}

impl Scope<'_> {
    fn is_of(&self, table: &str, qualifier: Option<&str>) -> bool {
        match qualifier {
            Some(qualifier) => self.words.table(qualifier) == Some(table),
            None => self.only.as_deref() == Some(table),
        }
    }
}

/// Returns the comparisons with one value that each row of the result fulfils; none if rows that are
/// not in the result may decide on its values.
fn own_equalities(query: &Query, tokens: &[TokenWithSpan]) -> Vec<Equality> {
    let condition = match &*query.body {
        SetExpr::Select(select) => select.selection.as_ref(),
        _ => None,
    };
    // The relevance of a row depends on all rows.
    match condition.filter(|_| !ranks_by_relevance(query)) {
        Some(condition) => equalities(condition, &Placeholders::of(tokens)),
        None => Vec::new(),
    }
}

fn fixed(table: &str, equalities: &[Equality], scope: &Scope<'_>) -> BTreeMap<String, Fixed> {
    equalities
        .iter()
        .filter(|equality| scope.is_of(table, equality.qualifier.as_deref()))
        .map(|equality| (equality.column.clone(), equality.value))
        .collect()
}

fn selected(
    table: &str,
    projection: Option<&Projection>,
    scope: &Scope<'_>,
) -> BTreeMap<String, usize> {
    let columns = projection.iter().flat_map(|projection| &projection.columns);
    columns
        .filter(|selected| scope.is_of(table, selected.qualifier.as_deref()))
        .map(|selected| (selected.column.clone(), selected.index))
        .collect()
}

/// Returns the tables in FROM, without those of subqueries.
fn relations(select: &Select, dialect: Dialect) -> BTreeSet<String> {
    let factors = select.from.iter().flat_map(|from| {
        let joined = from.joins.iter().map(|join| &join.relation);
        std::iter::once(&from.relation).chain(joined)
    });
    factors
        .filter_map(|factor| table(factor, dialect))
        .collect()
}

/// Returns the only relation in FROM, if it is a table.
fn only_relation(select: &Select, dialect: Dialect) -> Option<String> {
    match select.from.as_slice() {
        [from] if from.joins.is_empty() => table(&from.relation, dialect),
        _ => None,
    }
}

fn table(factor: &TableFactor, dialect: Dialect) -> Option<String> {
    let TableFactor::Table { name, .. } = factor else {
        return None;
    };
    let ident = name.0.last()?.as_ident()?;
    Some(folded(&ident.value, dialect).into_owned())
}

impl ReadShape {
    /// Returns what the result of one call with `parameters` depends on. `keys` has the integer
    /// primary key of each table that has one, in lower case. `value` returns what is at a row and
    /// a column of the result, which has `rows` rows.
    pub fn dependencies(
        &self,
        parameters: &[Value],
        rows: usize,
        keys: &HashMap<String, String>,
        value: impl Fn(usize, usize) -> KeyCell,
    ) -> Vec<Dependency> {
        let tables = self.tables.iter().map(|read| Dependency {
            table: read.table.clone(),
            columns: read.columns.clone(),
            membership: read.membership.clone(),
            rows: match keys.get(&read.table) {
                Some(key) => read.rows(key, parameters, rows, self.is_plain, &value),
                None => RowSet::Any,
            },
        });
        tables.collect()
    }
}

impl TableRead {
    /// Returns a read of these columns by which no row is told from others.
    #[cfg(test)]
    pub(in crate::sql) fn of(table: &str, columns: &Columns, membership: &Columns) -> Self {
        Self {
            table: table.to_owned(),
            columns: columns.clone(),
            membership: membership.clone(),
            fixed: BTreeMap::new(),
            selected: BTreeMap::new(),
        }
    }

    fn rows(
        &self,
        key_column: &str,
        parameters: &[Value],
        rows: usize,
        is_plain: bool,
        value: impl Fn(usize, usize) -> KeyCell,
    ) -> RowSet {
        if let Some(fixed) = self.fixed.get(key_column) {
            return match fixed.key(parameters) {
                Some(key) => RowSet::Fixed {
                    key,
                    found: is_plain && rows > 0,
                },
                None => RowSet::Any,
            };
        }
        match self.selected.get(key_column) {
            Some(index) => selected_rows((0..rows).map(|row| value(row, *index))),
            None => RowSet::Any,
        }
    }
}

fn selected_rows(cells: impl Iterator<Item = KeyCell>) -> RowSet {
    let mut keys = BTreeSet::new();
    for cell in cells {
        match cell {
            KeyCell::Key(key) => {
                keys.insert(key);
            }
            KeyCell::Null => {}
            KeyCell::Other => return RowSet::Any,
        }
    }
    RowSet::Selected(keys)
}
