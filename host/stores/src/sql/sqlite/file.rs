//! Opens files of the host's own stores, and prepares the directory and the
//! lock that every SQLite file needs before it is opened.

use std::fs::File;
use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::connection::{BUSY_TIMEOUT, STATEMENTS_KEPT};
use crate::sql::error::OpenError;
use crate::sql::file_lock::lock_file;

/// Connections to a file of the host's own, whose statements are all short.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    pub(crate) readers: SqlitePool,
    pub(crate) writer: SqlitePool,
}

impl SqliteFile {
    /// Opens `file` with one writing connection and at most `readers` reading
    /// ones. Creates the file if it is absent.
    pub(crate) async fn open_file(
        file: &Path,
        readers: u32,
        synchronous: SqliteSynchronous,
    ) -> Result<Self, OpenError> {
        let name = file.display().to_string();
        let connect = |source: sqlx::Error| OpenError::Connect {
            url: name.clone(),
            source: source.into(),
        };
        make_folder(file, &name)?;
        let lock = lock_opening(file).await;
        let _alone = lock.map_err(|error| connect(error.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .synchronous(synchronous)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS_KEPT);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let writer = pool(1).connect_with(options.clone()).await;
        let writer = writer.map_err(connect)?;
        let read_only = options.read_only(true).create_if_missing(false);
        let readers = pool(readers).connect_with(read_only).await;
        Ok(Self {
            readers: readers.map_err(connect)?,
            writer,
        })
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .test_before_acquire(false)
}

/// Creates the directory of a database's file, which messages call `name`.
pub(super) fn make_folder(file: &Path, name: &str) -> Result<(), OpenError> {
    let Some(folder) = file.parent().filter(|it| !it.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
        url: name.to_owned(),
        source,
    })
}

/// Waits until no other process of this machine is opening the file.
pub(super) async fn lock_opening(file: &Path) -> std::io::Result<File> {
    lock_file(file.with_extension("open.lock")).await
}
