//! The databases that a node has open.

use super::access::{Database, DatabaseAccess};
use super::error::OpenError;
use super::sqlite::{SqliteDatabase, Writers};
use super::{CallLimits, TableGrant, mysql};

/// Opens databases.
#[derive(Default)]
pub struct Databases {
    writers: Writers,
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
        let database = if url.starts_with("sqlite:") {
            Database::Sqlite(SqliteDatabase::open(&self.writers, url, connections).await?)
        } else {
            Database::MySql(mysql::open(url, connections).await?)
        };
        Ok(DatabaseAccess::new(database, url, grant, limits))
    }

    /// Close what several grants share, once running statements are done.
    pub async fn close(&self) {
        self.writers.close().await;
    }
}
