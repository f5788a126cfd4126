//! Versions of what SELECTs read: whether a result that was kept is still what its statement
//! returns.
//!
//! A result depends on parts of tables ([`Dependency`]), and each change of a table affects some of
//! them ([`Change`]). Both are mapped to a fixed number of [`slots`], and a change raises the
//! versions of its slots after it was committed and before its writer learns of that. A reader notes
//! the clock *before* it asks the database. Its result is current while none of its slots has a
//! later version: a change that raced the query raises one of them, since either the query began
//! after the commit, or the version is raised after the clock was noted.
//!
//! Two dependencies may share a slot. A result is then forgotten too early, and never kept for too
//! long.

mod pending;
mod schema;
mod shapes;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use self::shapes::Shapes;
use self::slots::Slots;
use super::guard::{Change, Dependency, TableRead};

pub(in crate::sql) use pending::PendingChanges;
pub use schema::Untracked;
pub(in crate::sql) use schema::{SchemaFacts, TableFacts, mentions};
pub(in crate::sql) use shapes::ShapeId;

/// Notices changes that are not this process's own.
pub(in crate::sql) trait OtherWriters: std::fmt::Debug + Send + Sync {
    /// Returns whether others have written since this was last asked. May be true once too often.
    fn have_written(&self) -> bool;
}

/// Versions of one database, shared by everything in the process that uses it.
#[derive(Debug, Default)]
pub struct Versions {
    /// Number of changes so far that affected any tracked read.
    clock: AtomicU64,
    /// Value of the clock when everything was last invalidated.
    invalidated: AtomicU64,
    schema: ArcSwap<SchemaFacts>,
    shapes: Shapes,
    /// Created when the first read is tracked.
    slots: OnceLock<Slots>,
    others: OnceLock<Arc<dyn OtherWriters>>,
}

impl Versions {
    /// Invalidates all results when `others` have written, from now on.
    pub(in crate::sql) fn notice(&self, others: Arc<dyn OtherWriters>) {
        // All grants on a file bring the same.
        let _ = self.others.set(others);
    }

    /// Returns the clock. Read before a query, it is the time up to which the query's result knows
    /// all changes.
    pub(in crate::sql) fn now(&self) -> u64 {
        self.invalidate_if_others_wrote();
        self.clock.load(Ordering::SeqCst)
    }

    fn invalidate_if_others_wrote(&self) {
        let others = self.others.get();
        if others.is_some_and(|others| others.have_written()) {
            self.invalidate_all();
        }
    }

    /// Returns what is known about the database's tables. A table whose facts were not read yet is
    /// not tracked.
    pub(in crate::sql) fn schema(&self) -> Arc<SchemaFacts> {
        self.schema.load_full()
    }

    /// Adds what was read of the schema, instead of what was known of the same tables, and
    /// invalidates all results.
    pub(in crate::sql) fn learn(&self, facts: SchemaFacts) {
        let facts = Arc::new(facts);
        self.schema.rcu(|known| known.with(&facts));
        self.invalidate_all();
    }

    /// Tracks changes of what `read` depends on, from now on.
    ///
    /// # Errors
    /// When too many different reads of its table are tracked.
    pub(in crate::sql) fn track(&self, read: &TableRead) -> Result<ShapeId, Untracked> {
        self.slots.get_or_init(Slots::new);
        let id = self.shapes.track(read);
        id.ok_or(Untracked::TooManyReads)
    }

    /// Applies a change that was committed, or may have been.
    pub(in crate::sql) fn apply(&self, change: &Change) {
        let Some(slots) = self.slots.get() else {
            return;
        };
        let affected = self.shapes.affected(change);
        if !affected.is_empty() {
            let now = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
            slots.raise(&affected, now);
        }
    }

    /// Invalidates all results, after a change of unknown extent.
    pub fn invalidate_all(&self) {
        let now = self.clock.fetch_add(1, Ordering::SeqCst) + 1;
        self.invalidated.fetch_max(now, Ordering::SeqCst);
    }

    /// Invalidates all results when the guard is dropped: after changes that no statement of a
    /// plugin makes, such as those of a migration, whatever became of them.
    pub(in crate::sql) fn invalidate_on_drop(&self) -> impl Drop + '_ {
        struct Invalidation<'a>(&'a Versions);
        impl Drop for Invalidation<'_> {
            fn drop(&mut self) {
                self.0.invalidate_all();
            }
        }
        Invalidation(self)
    }

    fn are_unchanged(&self, slots: &[u32], since: u64) -> bool {
        let versions = self.slots.get();
        let newest = versions.map_or(0, |versions| versions.newest(slots));
        newest.max(self.invalidated.load(Ordering::SeqCst)) <= since
    }
}

/// What the result of one SELECT depends on, and the time up to which it knows all changes.
#[derive(Debug, Clone)]
pub struct ResultVersion {
    versions: Arc<Versions>,
    since: u64,
    slots: Box<[u32]>,
}

impl ResultVersion {
    /// Returns the version of a result that was read after `since`, with these dependencies of the
    /// tracked reads.
    pub(in crate::sql) fn new<'a>(
        versions: Arc<Versions>,
        since: u64,
        dependencies: impl IntoIterator<Item = (ShapeId, &'a Dependency)>,
    ) -> Self {
        let dependencies = dependencies.into_iter();
        let slots = dependencies.flat_map(|(id, dependency)| id.slots(&dependency.rows));
        Self {
            versions,
            since,
            slots: slots.collect(),
        }
    }

    /// Returns whether no change since the query can have changed its result.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.versions.invalidate_if_others_wrote();
        self.versions.are_unchanged(&self.slots, self.since)
    }

    /// Returns the size in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.slots)
    }
}
