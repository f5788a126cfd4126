//! Locks that let one node at a time migrate or seed a plugin's tables.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sha1::{Digest, Sha1};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::error::MigrateError;
use crate::sql::access::{Database, DatabaseAccess};
use crate::sql::file_lock::{LOCK_TIMEOUT, lock_file, try_lock_file};

/// Time that one attempt to take the lock waits, in seconds.
const ATTEMPT_SECONDS: u64 = 5;

/// Interval between attempts to lock a file.
const POLL: Duration = Duration::from_millis(100);

/// `wait_timeout` of the session with a lock, in seconds. Its connection must
/// outlive all work that is done meanwhile.
const SESSION_SECONDS: u64 = 86_400;

/// Lock that keeps other nodes from seeding one plugin's tables in one
/// database. Dropping it releases the lock.
pub struct SchemaLock {
    _held: Held,
}

/// Lock that keeps other nodes from migrating one plugin's tables in one
/// database. Dropping it releases the lock.
///
/// On MySQL, the lock belongs to the very connection that runs the statements.
/// If a node dies, its server completes the statement that it was given, and
/// keeps the lock until then. The next holder of the lock therefore finds no
/// statement still running.
pub struct MigrationLock {
    held: Held,
}

enum Held {
    /// A lock on a file beside the database.
    File { _file: File },
    /// A named lock of the server, which lasts as long as this connection.
    Connection { connection: Box<MySqlConnection> },
}

impl MigrationLock {
    /// Returns the connection that holds the lock.
    ///
    /// # Errors
    /// When the lock is on a file.
    pub(super) fn connection(&mut self) -> Result<&mut MySqlConnection, MigrateError> {
        match &mut self.held {
            Held::Connection { connection } => Ok(connection),
            Held::File { .. } => Err(MigrateError::Lock {
                url: String::new(),
                reason: "it is another database's".to_owned(),
            }),
        }
    }
}

impl DatabaseAccess {
    /// Waits until no other node seeds `plugin`'s tables in this database.
    ///
    /// # Errors
    /// When that takes longer than ten minutes, or the lock fails.
    pub async fn lock_schema(&self, plugin: &str) -> Result<SchemaLock, MigrateError> {
        let held = match &self.database {
            Database::Sqlite(sqlite) => {
                let file = lock_file(seed_file(sqlite.file(), plugin)).await;
                Held::File {
                    _file: file.map_err(|error| self.lock_failed(error))?,
                }
            }
            Database::MySql(_) => {
                let mut connection = self.lock_connection().await?;
                let seconds = LOCK_TIMEOUT.as_secs();
                if !self.get(&mut connection, plugin, seconds).await? {
                    return Err(self.lock_failed("timed out"));
                }
                Held::Connection { connection }
            }
        };
        Ok(SchemaLock { _held: held })
    }

    /// Waits without a time limit until no other node migrates `plugin`'s
    /// tables in this database. Calls `waiting` once if another node does.
    ///
    /// # Errors
    /// When the server, or the directory of the database's file, fails.
    pub async fn lock_migrations(
        &self,
        plugin: &str,
        waiting: impl FnOnce(),
    ) -> Result<MigrationLock, MigrateError> {
        if let Some(lock) = self.try_lock_migrations(plugin).await? {
            return Ok(lock);
        }
        waiting();
        loop {
            if let Some(lock) = self.lock_within(plugin, ATTEMPT_SECONDS).await? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock if no other node migrates `plugin`'s tables in this
    /// database now.
    ///
    /// # Errors
    /// When the server, or the directory of the database's file, fails.
    pub async fn try_lock_migrations(
        &self,
        plugin: &str,
    ) -> Result<Option<MigrationLock>, MigrateError> {
        self.lock_within(plugin, 0).await
    }

    async fn lock_within(
        &self,
        plugin: &str,
        seconds: u64,
    ) -> Result<Option<MigrationLock>, MigrateError> {
        let held = match &self.database {
            Database::Sqlite(sqlite) => {
                let path = sqlite
                    .file()
                    .with_extension(format!("{plugin}.migrate.lock"));
                let Some(file) = file_within(&path, Duration::from_secs(seconds))
                    .await
                    .map_err(|error| self.lock_failed(error))?
                else {
                    return Ok(None);
                };
                // Hosts that do not know this lock hold the other one while
                // they migrate.
                let older = lock_file(seed_file(sqlite.file(), plugin)).await;
                drop(older.map_err(|error| self.lock_failed(error))?);
                Held::File { _file: file }
            }
            Database::MySql(_) => {
                let mut connection = self.lock_connection().await?;
                if !self
                    .get(&mut connection, &migrating(plugin), seconds)
                    .await?
                {
                    return Ok(None);
                }
                // Hosts that do not know this lock hold the other one while
                // they migrate.
                if !self
                    .get(&mut connection, plugin, LOCK_TIMEOUT.as_secs())
                    .await?
                {
                    return Err(self.lock_failed("timed out"));
                }
                self.release(&mut connection, plugin).await?;
                Held::Connection { connection }
            }
        };
        Ok(Some(MigrationLock { held }))
    }

    /// Opens a connection for the lock alone: when the connection closes, for
    /// whatever reason, the server releases the lock.
    async fn lock_connection(&self) -> Result<Box<MySqlConnection>, MigrateError> {
        let Database::MySql(mysql) = &self.database else {
            return Err(self.lock_failed("a file has no connections"));
        };
        let connection = mysql.unbounded().await;
        let mut connection = connection.map_err(|error| self.lock_failed(error))?;
        let session = format!("SET SESSION wait_timeout = {SESSION_SECONDS}");
        let set = sqlx::raw_sql(AssertSqlSafe(session)).execute(&mut connection);
        set.await.map_err(|error| self.lock_failed(error))?;
        Ok(Box::new(connection))
    }

    /// Takes the named lock, waiting for at most `seconds`. Returns whether it
    /// was taken.
    async fn get(
        &self,
        connection: &mut MySqlConnection,
        name: &str,
        seconds: u64,
    ) -> Result<bool, MigrateError> {
        let name = self.lock_name(connection, name).await?;
        let taken: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(?, ?)")
            .bind(name)
            .bind(seconds)
            .fetch_one(connection)
            .await
            .map_err(|error| self.lock_failed(error))?;
        Ok(taken == Some(1))
    }

    async fn release(
        &self,
        connection: &mut MySqlConnection,
        name: &str,
    ) -> Result<(), MigrateError> {
        let name = self.lock_name(connection, name).await?;
        let released = sqlx::query("SELECT RELEASE_LOCK(?)").bind(name);
        let released = released.execute(connection).await;
        released.map_err(|error| self.lock_failed(error))?;
        Ok(())
    }

    /// Returns the server-wide name of a lock in the database of `connection`.
    async fn lock_name(
        &self,
        connection: &mut MySqlConnection,
        name: &str,
    ) -> Result<String, MigrateError> {
        let database: String = sqlx::query_scalar("SELECT DATABASE()")
            .fetch_one(connection)
            .await
            .map_err(|error| self.lock_failed(error))?;
        Ok(server_name(&database, name))
    }

    fn lock_failed(&self, reason: impl ToString) -> MigrateError {
        MigrateError::Lock {
            url: self.url().to_owned(),
            reason: reason.to_string(),
        }
    }
}

fn migrating(plugin: &str) -> String {
    format!("migrate {plugin}")
}

/// Returns the server-wide name of a lock. Such names are shared by all
/// databases of a server, so the database is part of it; the digest keeps it
/// within the limit of 64 characters. The host computes SHA-1 itself, since
/// MySQL 9 has no `SHA1()`, and earlier hosts had the server compute it: nodes
/// of both versions exclude each other.
fn server_name(database: &str, name: &str) -> String {
    hex::encode(Sha1::digest(format!("edge {database} {name}")))
}

fn seed_file(database: &Path, plugin: &str) -> std::path::PathBuf {
    database.with_extension(format!("{plugin}.lock"))
}

async fn file_within(path: &Path, longest: Duration) -> std::io::Result<Option<File>> {
    let began = std::time::Instant::now();
    loop {
        if let Some(file) = try_lock_file(path)? {
            return Ok(Some(file));
        }
        if began.elapsed() >= longest {
            return Ok(None);
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_the_name_that_servers_made_before() {
        // SELECT SHA1(CONCAT('edge ', DATABASE(), ' ', 'order')), in `shop`.
        let expected = "9289cbacc11509ef9b8a6e01768cbbe08843636e";
        assert_eq!(server_name("shop", "order"), expected);
    }
}
