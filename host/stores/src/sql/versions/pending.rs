//! Changes of a statement or a transaction whose outcome is not known yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::Versions;
use crate::lock::lock;
use crate::sql::guard::{Change, ChangeKind};

/// Maximum number of changes that are noted one by one. A transaction with more is taken to have
/// rewritten its tables.
const MOST: usize = 512;

/// Changes that take effect on the versions when the last reference is dropped: whoever may still
/// commit them holds one. They take effect whatever the outcome was, since it may be unknown.
#[derive(Debug)]
pub(in crate::sql) struct PendingChanges {
    versions: Arc<Versions>,
    changes: Mutex<Vec<Change>>,
}

impl PendingChanges {
    pub(in crate::sql) fn new(versions: Arc<Versions>) -> Arc<Self> {
        Arc::new(Self {
            versions,
            changes: Mutex::default(),
        })
    }

    /// Adds the changes of one more statement.
    pub(in crate::sql) fn add(&self, more: Vec<Change>) {
        let mut changes = lock(&self.changes);
        for change in more {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        if changes.len() > MOST {
            let tables: BTreeSet<_> = changes.drain(..).map(|change| change.table).collect();
            changes.extend(tables.into_iter().map(rewrite));
        }
    }
}

fn rewrite(table: String) -> Change {
    Change {
        table,
        kind: ChangeKind::Rewrite,
        key: None,
    }
}

impl Drop for PendingChanges {
    fn drop(&mut self) {
        for change in lock(&self.changes).drain(..) {
            self.versions.apply(&change);
        }
    }
}
