//! One instance's use of its database.

use std::sync::Arc;

use stores::sql::DatabaseAccess;

/// One instance's use of its database.
pub struct SqlSession {
    pub(crate) access: Arc<DatabaseAccess>,
    pub(crate) open_transactions: usize,
}

impl SqlSession {
    /// A session under the grant of `access`.
    #[must_use]
    pub fn new(access: Arc<DatabaseAccess>) -> Self {
        Self {
            access,
            open_transactions: 0,
        }
    }

    /// Whether a transaction was begun, and not committed, rolled back or
    /// dropped.
    #[must_use]
    pub fn has_open_transactions(&self) -> bool {
        self.open_transactions > 0
    }
}
