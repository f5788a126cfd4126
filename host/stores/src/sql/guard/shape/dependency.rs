//! Dependencies of one result, changes of one call, and whether one affects the other.

use std::collections::BTreeSet;

use super::columns::Columns;

/// Part of a table that the result of one SELECT depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Table, in the spelling of the grant.
    pub table: String,
    /// Columns whose values the result depends on.
    pub columns: Columns,
    /// Columns that decide which rows are in the result, and in which order; all are in `columns`.
    pub membership: Columns,
    /// Rows of the table that are in the result.
    pub rows: RowSet,
}

/// Rows of a table that a result was made of, by integer primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowSet {
    /// Any rows.
    Any,
    /// No row except the one with this key, which the statement names.
    Fixed {
        /// Key of the row.
        key: i64,
        /// True if the result shows that the row exists.
        found: bool,
    },
    /// The rows with these keys, which the result names.
    Selected(BTreeSet<i64>),
}

/// Change of a table by one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Table, in the spelling of the grant.
    pub table: String,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// Key of the only row that may have changed; `None` for any number of rows.
    pub key: Option<i64>,
}

/// Kind of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// New rows.
    Insert,
    /// Removed rows.
    Delete,
    /// New values in these columns.
    Update(Columns),
    /// Anything: rows may have been added, removed and updated.
    Rewrite,
}

impl Change {
    /// Returns the change with any columns updated, where it is an update.
    pub(in crate::sql) fn of_any_column(mut self) -> Self {
        if let ChangeKind::Update(columns) = &mut self.kind {
            *columns = Columns::All;
        }
        self
    }

    /// Returns whether a result with this dependency may differ after the change.
    #[must_use]
    pub fn affects(&self, dependency: &Dependency) -> bool {
        if self.table != dependency.table {
            return false;
        }
        match &self.kind {
            // A second row with the key of one that exists is refused.
            ChangeKind::Insert => !matches!(dependency.rows, RowSet::Fixed { found: true, .. }),
            ChangeKind::Delete => self.is_within(dependency, true),
            ChangeKind::Update(columns) => {
                let moves_rows = columns.intersects(&dependency.membership);
                columns.intersects(&dependency.columns) && self.is_within(dependency, moves_rows)
            }
            ChangeKind::Rewrite => true,
        }
    }

    /// Returns whether a changed row may be among those of `dependency`, or become one of them if
    /// the change `moves_rows`.
    fn is_within(&self, dependency: &Dependency, moves_rows: bool) -> bool {
        match (self.key, &dependency.rows) {
            (Some(changed), RowSet::Fixed { key, .. }) => changed == *key,
            (Some(changed), RowSet::Selected(keys)) => moves_rows || keys.contains(&changed),
            (None, _) | (_, RowSet::Any) => true,
        }
    }
}
