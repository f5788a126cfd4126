//! The databases that a node has open.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::SqlitePool;
use tokio::sync::Mutex;

use super::access::DatabaseAccess;
use super::error::OpenError;
use super::{CallLimits, TableGrant};

/// Opens databases. Grants on one SQLite file share its writer: a file takes
/// one writer at a time, and those who wait for a pool get their turn in
/// order, while those who wait for the file's lock poll for it.
#[derive(Clone, Default)]
pub struct Databases {
    pub(super) writers: Arc<Mutex<HashMap<PathBuf, SqlitePool>>>,
}

impl Databases {
    /// Open the database at `url` under `grant`, with a pool of so many
    /// connections.
    ///
    /// # Errors
    /// When the URL is malformed or the database does not answer.
    pub async fn open(
        &self,
        url: &str,
        grant: TableGrant,
        connections: u32,
        limits: CallLimits,
    ) -> Result<DatabaseAccess, OpenError> {
        DatabaseAccess::open(self, url, grant, connections, limits).await
    }
}
