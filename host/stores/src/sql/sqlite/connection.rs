//! Connections to a file, each restricted to one grant while it is open.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension};

use super::authorizer::{Authority, Authorizer};
use super::failure::Failure;
use super::limits::{MAX_ARGUMENTS, MAX_COLUMNS, MAX_PATTERN, MAX_VALUE};
use super::text_functions;
use crate::sql::Error;
use crate::sql::guard::TableGrant;

/// Time limit for waiting for another process's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Instructions of SQLite's virtual machine between two calls of the progress
/// handler, which checks the deadline: some tens of microseconds.
const STEPS: i32 = 4096;

/// Prepared statements that a connection caches.
pub(super) const STATEMENTS_KEPT: usize = 256;

/// Access of a connection to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

/// A connection on which SQLite restricts statements to a grant.
pub(in crate::sql) struct GuestConnection {
    connection: Connection,
    authorizer: Arc<Authorizer>,
}

impl GuestConnection {
    /// Opens `file`. In [`Mode::Read`] the file must exist; otherwise it is
    /// created.
    pub(super) fn open(file: &Path, grant: Arc<TableGrant>, mode: Mode) -> Result<Self, Failure> {
        let flags = match mode {
            Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE),
            (Limit::SQLITE_LIMIT_COLUMN, MAX_COLUMNS),
            (Limit::SQLITE_LIMIT_FUNCTION_ARG, MAX_ARGUMENTS),
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN),
        ] {
            connection.set_limit(limit, most)?;
        }
        text_functions::install(&connection)?;
        if mode == Mode::Write {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // Durable in WAL mode: committed changes survive a crash of the
            // process and a power failure.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
        }
        let authorizer = Authorizer::new(grant);
        let asked = authorizer.clone();
        connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
            asked.authorize(context)
        }))?;
        Ok(Self {
            connection,
            authorizer,
        })
    }

    /// Interrupts the statements that run from now on once `is_over` returns
    /// true, and limits their waiting for another process's lock to
    /// `busy_timeout`.
    pub(super) fn bound(
        &self,
        busy_timeout: Duration,
        is_over: impl FnMut() -> bool + Send + 'static,
    ) -> Result<(), Failure> {
        self.connection.busy_timeout(busy_timeout)?;
        self.connection.progress_handler(STEPS, Some(is_over))?;
        Ok(())
    }

    /// Removes the time limit, for statements of the host itself.
    pub(super) fn unbound(&self) -> Result<(), Failure> {
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        Ok(())
    }

    /// Returns whether no transaction is open.
    pub(super) fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Prepares a statement of the plugin, or takes it from the cache, where it
    /// was allowed before under the same grant.
    ///
    /// # Errors
    /// [`Error::Denied`] if SQLite finds an action that the grant does not
    /// allow, or more than one statement.
    pub(super) fn prepare(&self, text: &str) -> Result<CachedStatement<'_>, Failure> {
        self.prepare_as(Authority::Plugin, text)
    }

    /// Runs one statement of a migration.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare), and SQLite's own.
    pub(in crate::sql) fn migrate(&self, text: &str) -> Result<(), Failure> {
        let mut statement = self.prepare_as(Authority::Migration, text)?;
        // SQLite calls the authorizer again if the schema has changed since.
        self.authorizer.set(Authority::Migration);
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        drop(rows);
        statement.discard();
        Ok(())
    }

    /// Runs `work` on the connection as the host, which no grant restricts.
    pub(in crate::sql) fn as_host<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.authorizer.set(Authority::Host);
        let done = work(&self.connection);
        self.authorizer.set(Authority::Plugin);
        done
    }

    /// Returns the number of rows that the last change affected, and the last
    /// rowid inserted.
    pub(super) fn last_change(&self) -> (u64, i64) {
        let connection = &self.connection;
        (connection.changes(), connection.last_insert_rowid())
    }

    /// Closes the connection.
    pub(super) fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            tracing::debug!(%error, "a connection does not close");
        }
    }

    fn prepare_as(&self, authority: Authority, text: &str) -> Result<CachedStatement<'_>, Failure> {
        self.authorizer.set(authority);
        self.authorizer.take_noted();
        let mut prepared = self.connection.prepare_cached(text);
        if prepared.as_ref().err().is_some_and(is_mistake) {
            self.read_schema()?;
            self.authorizer.set(authority);
            self.authorizer.take_noted();
            prepared = self.connection.prepare_cached(text);
        }
        let noted = self.authorizer.take_noted();
        if let Some(refused) = noted.refused {
            return Err(denied(&refused));
        }
        let statement = prepared.map_err(|error| match error {
            rusqlite::Error::MultipleStatement => denied("more than one statement"),
            error => error.into(),
        })?;
        for name in noted.unresolved {
            let is_table = self.is_table(&name);
            if !matches!(is_table, Ok(false)) {
                // Only allowed statements may be taken from the cache.
                statement.discard();
                return Err(is_table.err().unwrap_or_else(|| ambiguous(&name)));
            }
        }
        Ok(statement)
    }

    /// Reads the schema's version, which makes SQLite reload a changed schema.
    /// If SQLite cannot find out that the schema has changed, because no file
    /// descriptor is free or the disk fails, it reports a new table as missing.
    fn read_schema(&self) -> Result<(), Failure> {
        self.as_host(
            |connection| Ok(connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?),
        )
    }

    fn is_table(&self, name: &str) -> Result<bool, Failure> {
        // A virtual table module is a table of its own name without being
        // created.
        const FIND: &str = "SELECT 1 FROM sqlite_master WHERE lower(name) = ?1 \
            UNION ALL SELECT 1 FROM pragma_module_list WHERE lower(name) = ?1";
        let is_own = name.starts_with("sqlite_") || name.starts_with("pragma_");
        let found = self.as_host(|connection| {
            let found = connection.query_row(FIND, [name], |_| Ok(()));
            Ok(found.optional()?)
        })?;
        Ok(is_own || found.is_some())
    }
}

/// Returns whether SQLite reports the statement itself as wrong.
fn is_mistake(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_ERROR)
}

/// Logs the refusal, and returns the error for the plugin. The guard should
/// have refused the statement, unless a trigger or a foreign key of the
/// database reaches further than the grant; the operator should know of either.
fn denied(refused: &str) -> Failure {
    tracing::warn!(refused, "SQLite's authorizer refused a plugin's statement");
    Failure::Typed(Error::Denied(format!(
        "the grant does not allow what SQLite would do: {refused}"
    )))
}

/// Returns the error for a name that either is a table's without a grant, or is
/// defined by `WITH`. SQLite does not tell the two apart if no column is read.
fn ambiguous(name: &str) -> Failure {
    Failure::Typed(Error::Denied(format!(
        "the manifest does not grant reading the table `{name}`; what WITH defines needs another name"
    )))
}

/// Returns the time limit for waiting for another process's lock, within the
/// time left until `deadline`.
pub(super) fn busy_timeout(deadline: Instant) -> Duration {
    BUSY_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()))
}
