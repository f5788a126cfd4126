//! The kinds of reads that are tracked, by table.

use std::collections::HashMap;
use std::sync::RwLock;

use super::slots::Part;
use crate::sql::guard::{Change, ChangeKind, Columns, RowSet, TableRead};

/// Maximum number of kinds of reads of one table. Statements that are written by hand have far
/// fewer; a plugin that generates ever new ones does not make every change slower.
const MOST: usize = 64;

/// Maximum number of rows that a result depends on one by one. A larger one depends on the table.
const MOST_ROWS: usize = 256;

/// Kinds of reads that are tracked.
#[derive(Debug, Default)]
pub(super) struct Shapes(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tables: HashMap<String, Vec<Tracked>>,
    count: u32,
}

/// Kind of read, by the columns of a table that it depends on.
#[derive(Debug)]
struct Tracked {
    id: ShapeId,
    columns: Columns,
    membership: Columns,
}

/// Number of a kind of read that is tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) struct ShapeId(u32);

impl Shapes {
    /// Returns the number of this kind of read; `None` if its table has too many others.
    pub(super) fn track(&self, read: &TableRead) -> Option<ShapeId> {
        let found = self.read(|inner| inner.find(read));
        found.or_else(|| self.write(|inner| inner.add(read)))
    }

    /// Returns the slots of everything that `change` affects, each once or more often.
    pub(super) fn affected(&self, change: &Change) -> Vec<u32> {
        self.read(|inner| {
            let reads = inner.tables.get(&change.table).into_iter().flatten();
            reads.flat_map(|read| read.affected(change)).collect()
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(
            &self
                .0
                .read()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        )
    }

    fn write<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(
            &mut self
                .0
                .write()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        )
    }
}

impl Inner {
    fn find(&self, read: &TableRead) -> Option<ShapeId> {
        let mut tracked = self.tables.get(&read.table)?.iter();
        let same =
            |one: &&Tracked| one.columns == read.columns && one.membership == read.membership;
        tracked.find(same).map(|tracked| tracked.id)
    }

    fn add(&mut self, read: &TableRead) -> Option<ShapeId> {
        if let Some(id) = self.find(read) {
            return Some(id);
        }
        let tracked = self.tables.entry(read.table.clone()).or_default();
        if tracked.len() >= MOST {
            return None;
        }
        self.count += 1;
        let id = ShapeId(self.count);
        tracked.push(Tracked {
            id,
            columns: read.columns.clone(),
            membership: read.membership.clone(),
        });
        Some(id)
    }
}

impl Tracked {
    /// Returns the slots of what `change` affects; the counterpart of [`ShapeId::slots`], and the
    /// rules of [`Change::affects`] with the reads unknown.
    fn affected(&self, change: &Change) -> Vec<u32> {
        let moves_rows = match &change.kind {
            ChangeKind::Update(columns) if !columns.intersects(&self.columns) => return Vec::new(),
            ChangeKind::Update(columns) => columns.intersects(&self.membership),
            ChangeKind::Insert | ChangeKind::Delete | ChangeKind::Rewrite => true,
        };
        let rows = match (&change.kind, change.key) {
            // A second row with the key of one that exists is refused.
            (ChangeKind::Insert, _) => None,
            (_, Some(key)) => Some(Part::Row(key)),
            (_, None) => Some(Part::UnnamedRows),
        };
        let membership = moves_rows.then_some(Part::Membership);
        let parts = [Some(Part::Anything), membership, rows];
        let parts = parts.into_iter().flatten();
        parts.map(|part| part.slot(self.id.0)).collect()
    }
}

impl ShapeId {
    /// Returns the slots of these rows.
    pub(super) fn slots(self, rows: &RowSet) -> Vec<u32> {
        let parts = match rows {
            RowSet::Any => vec![Part::Anything],
            RowSet::Fixed { key, found: true } => vec![Part::Row(*key), Part::UnnamedRows],
            RowSet::Fixed { key, found: false } => {
                vec![Part::Row(*key), Part::UnnamedRows, Part::Membership]
            }
            RowSet::Selected(keys) if keys.len() > MOST_ROWS => vec![Part::Anything],
            RowSet::Selected(keys) => {
                let rows = keys.iter().map(|key| Part::Row(*key));
                rows.chain([Part::UnnamedRows, Part::Membership]).collect()
            }
        };
        parts.into_iter().map(|part| part.slot(self.0)).collect()
    }
}
