//! Shapes of INSERT, UPDATE and DELETE.

use std::collections::{BTreeMap, HashMap};

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, FromTable, Insert, ObjectName, OnConflictAction,
    OnInsert, SqliteOnConflict, Statement, TableFactor, TableWithJoins, Update,
};
use sqlparser::tokenizer::TokenWithSpan;

use super::columns::Columns;
use super::dependency::{Change, ChangeKind};
use super::fixed::{Fixed, Placeholders, equalities};
use super::words::ROW_ID;
use crate::sql::guard::grant::folded;
use crate::sql::guard::tables::Tables;
use crate::sql::{Dialect, Value};

/// Shape of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteShape {
    /// Tables that may be changed.
    pub tables: Vec<TableChange>,
}

/// Change that a statement makes to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// Table, in the spelling of the grant.
    pub table: String,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// Columns that WHERE compares with one value, if only rows with this value are changed.
    fixed: BTreeMap<String, Fixed>,
}

/// Returns the shape of `statement`, which consists of `tokens` and uses the tables `used`.
pub(super) fn shape(
    statement: &Statement,
    tokens: &[TokenWithSpan],
    used: &Tables,
    dialect: Dialect,
) -> WriteShape {
    let (kind, fixed) = match statement {
        Statement::Insert(insert) => (insert_kind(insert), BTreeMap::new()),
        Statement::Update(update) => (update_kind(update), update_fixed(update, tokens)),
        Statement::Delete(delete) => (ChangeKind::Delete, delete_fixed(delete, tokens)),
        _ => (ChangeKind::Rewrite, BTreeMap::new()),
    };
    let tables = used.changed.iter().map(|table| TableChange {
        table: folded(table, dialect).into_owned(),
        kind: kind.clone(),
        fixed: fixed.clone(),
    });
    WriteShape {
        tables: tables.collect(),
    }
}

/// Returns the kind of an INSERT: rows that are there already may be replaced or updated by some
/// forms.
fn insert_kind(insert: &Insert) -> ChangeKind {
    let replaces = insert.replace_into || insert.overwrite || or_replaces(insert.or.as_ref());
    let updates = match &insert.on {
        None => false,
        Some(OnInsert::OnConflict(clause)) => !matches!(clause.action, OnConflictAction::DoNothing),
        Some(_) => true,
    };
    match replaces || updates {
        true => ChangeKind::Rewrite,
        false => ChangeKind::Insert,
    }
}

fn update_kind(update: &Update) -> ChangeKind {
    if or_replaces(update.or.as_ref()) {
        return ChangeKind::Rewrite;
    }
    let columns: Option<Vec<_>> = update.assignments.iter().map(assigned).collect();
    ChangeKind::Update(match columns {
        Some(columns) => columns.into_iter().flatten().collect(),
        None => Columns::All,
    })
}

fn or_replaces(or: Option<&SqliteOnConflict>) -> bool {
    or.is_some_and(|or| *or == SqliteOnConflict::Replace)
}

/// Returns the columns that an assignment sets, in lower case; `None` for a target that is not
/// understood.
fn assigned(assignment: &Assignment) -> Option<Vec<String>> {
    let column = |name: &ObjectName| {
        let ident = name.0.last()?.as_ident()?;
        let column = ident.value.to_ascii_lowercase();
        Some(column).filter(|column| !ROW_ID.contains(&column.as_str()))
    };
    match &assignment.target {
        AssignmentTarget::ColumnName(name) => Some(vec![column(name)?]),
        AssignmentTarget::Tuple(names) => names.iter().map(column).collect(),
    }
}

fn update_fixed(update: &Update, tokens: &[TokenWithSpan]) -> BTreeMap<String, Fixed> {
    match update.from.is_none() && is_one_table(&update.table) {
        true => fixed(update.selection.as_ref(), tokens),
        false => BTreeMap::new(),
    }
}

fn delete_fixed(delete: &Delete, tokens: &[TokenWithSpan]) -> BTreeMap<String, Fixed> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let is_single = matches!(from.as_slice(), [one] if is_one_table(one));
    match is_single && delete.tables.is_empty() && delete.using.is_none() {
        true => fixed(delete.selection.as_ref(), tokens),
        false => BTreeMap::new(),
    }
}

/// Returns whether a relation is one table, as opposed to a join, with or without parentheses.
fn is_one_table(relation: &TableWithJoins) -> bool {
    relation.joins.is_empty() && matches!(relation.relation, TableFactor::Table { .. })
}

/// Returns the columns that the condition of a statement with one table fixes. Every column outside
/// of subqueries is that table's.
fn fixed(
    selection: Option<&sqlparser::ast::Expr>,
    tokens: &[TokenWithSpan],
) -> BTreeMap<String, Fixed> {
    let placeholders = Placeholders::of(tokens);
    let conjuncts = selection.into_iter();
    let conjuncts = conjuncts.flat_map(|condition| equalities(condition, &placeholders));
    conjuncts
        .map(|equality| (equality.column, equality.value))
        .collect()
}

impl WriteShape {
    /// Returns what one call with `parameters` may change. `keys` has the integer primary key of
    /// each table that has one, in lower case.
    #[must_use]
    pub fn changes(&self, parameters: &[Value], keys: &HashMap<String, String>) -> Vec<Change> {
        let tables = self.tables.iter();
        let changes = tables.map(|change| {
            let key = keys.get(&change.table).map(String::as_str);
            change.change(parameters, key)
        });
        changes.collect()
    }
}

impl TableChange {
    fn change(&self, parameters: &[Value], key_column: Option<&str>) -> Change {
        let moves_keys = match (&self.kind, key_column) {
            (ChangeKind::Update(columns), Some(key)) => columns.contains(key),
            _ => false,
        };
        let kind = match moves_keys {
            true => ChangeKind::Rewrite,
            false => self.kind.clone(),
        };
        let fixed = key_column.and_then(|key| self.fixed.get(key));
        let key = fixed.and_then(|fixed| fixed.key(parameters));
        Change {
            table: self.table.clone(),
            key: key.filter(|_| kind != ChangeKind::Rewrite),
            kind,
        }
    }
}
