//! SQL session of one instance.

use std::sync::Arc;

use stores::sql::DatabaseAccess;

/// SQL session of one instance: its granted access, and the number of its open transactions.
pub struct SqlSession {
    pub(crate) access: Arc<DatabaseAccess>,
    pub(crate) open_transactions: usize,
}

impl SqlSession {
    /// Returns a session with the grant of `access`.
    #[must_use]
    pub fn new(access: Arc<DatabaseAccess>) -> Self {
        Self {
            access,
            open_transactions: 0,
        }
    }

    /// Returns whether a transaction was begun that is not yet committed, rolled back or dropped.
    #[must_use]
    pub fn has_open_transactions(&self) -> bool {
        self.open_transactions > 0
    }
}
