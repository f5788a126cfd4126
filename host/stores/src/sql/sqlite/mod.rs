//! SQLite databases: for each grant, one connection that writes and several
//! that read a file in WAL mode. Each asks an authorizer what the grant allows.

mod authorizer;
mod connection;
mod failure;
mod file;
mod file_watch;
mod limits;
mod readers;
mod schema_facts;
mod statement;
#[cfg(test)]
mod tests;
mod text_functions;
mod writer;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;

pub(super) use self::connection::GuestConnection;
pub(super) use self::failure::Failure;
pub(crate) use self::file::SqliteFile;
use self::file_watch::FileWatch;
use self::readers::Readers;
use self::writer::Writer;
pub(super) use self::writer::{SqliteTransaction, WriterPermits};
use super::error::{OpenError, UrlError, redacted_url};
use super::guard::{Checked, TableGrant};
use super::rows::Form;
use super::versions::PendingChanges;
use super::{CallLimits, Connections, Outcome, Result, Value};
use crate::refusals::Refusals;

/// The connections of one grant to one file.
#[derive(Clone)]
pub(super) struct SqliteDatabase {
    readers: Arc<Readers>,
    writer: Arc<Writer>,
}

impl SqliteDatabase {
    /// Opens the file of `url` within `grant`, with at most `readers` reading
    /// connections. Creates the file and its directory if they are absent.
    pub(super) async fn open(
        permits: &WriterPermits,
        url: &str,
        grant: &TableGrant,
        readers: u32,
    ) -> std::result::Result<Self, OpenError> {
        let name = redacted_url(url);
        let options = SqliteConnectOptions::from_str(url).map_err(|source| OpenError::Url {
            url: name.clone(),
            source: UrlError::Malformed(source),
        })?;
        let file = options.get_filename();
        let failed = |source| OpenError::Connect {
            url: name.clone(),
            source,
        };
        file::make_folder(file, &name)?;
        // Switching a file to WAL mode needs an exclusive lock, and SQLite does
        // not wait for another process that does the same.
        let lock = file::lock_opening(file).await;
        let _alone = lock.map_err(|error| failed(error.into()))?;
        let grant = Arc::new(grant.clone());
        let writer = Writer::open(file, grant.clone(), permits.of(file)).await;
        let writer = writer.map_err(|error| failed(error.into()))?;
        let readers = Readers::open(file, grant, readers).await;
        let readers = readers.map_err(|error| failed(error.into()))?;
        Ok(Self { readers, writer })
    }

    /// Returns the path of the file.
    pub(super) fn file(&self) -> &Path {
        self.writer.file()
    }

    /// Returns what notices that others write to the file.
    pub(super) fn watch(&self) -> &Arc<FileWatch> {
        self.writer.watch()
    }

    /// Returns the record of changes that the file refused.
    pub(super) fn refusals(&self) -> &Refusals {
        self.writer.refusals()
    }

    /// Returns the numbers of reading connections; the writer is not counted.
    pub(super) fn connections(&self) -> Connections {
        self.readers.connections()
    }

    /// Runs a query on a reading connection.
    pub(super) async fn query<F: Form>(
        &self,
        statement: &Checked,
        parameters: Vec<Value>,
        limits: CallLimits,
        deadline: Instant,
    ) -> Result<F> {
        let text = &statement.text;
        self.readers.query(text, parameters, limits, deadline).await
    }

    /// Runs a change on the writer in a transaction of its own, and retries it
    /// if another process held the lock.
    pub(super) async fn execute(
        &self,
        statement: &Checked,
        parameters: Vec<Value>,
        changes: &Arc<PendingChanges>,
        deadline: Instant,
    ) -> Result<Outcome> {
        let text = &statement.text;
        let executing = self.writer.execute(text, parameters, changes, deadline);
        executing.await
    }

    /// Begins a transaction on the writer.
    pub(super) async fn begin(&self, deadline: Instant) -> Result<SqliteTransaction> {
        self.writer.begin(deadline).await
    }

    /// Checks that the file can be read.
    pub(super) async fn ping(&self, deadline: Instant) -> Result<()> {
        self.readers.ping(deadline).await
    }

    /// Runs a statement of the host itself, which no grant restricts.
    pub(super) async fn execute_as_host(&self, text: String) -> Result<()> {
        self.writer.execute_as_host(text).await
    }

    /// Runs `work` on the writer as the host, without a time limit.
    pub(super) async fn run_as_host<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GuestConnection) -> std::result::Result<T, Failure> + Send + 'static,
    ) -> std::result::Result<T, Failure> {
        self.writer.run_as_host(work).await
    }

    /// Closes all connections, each once its statement has finished.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
