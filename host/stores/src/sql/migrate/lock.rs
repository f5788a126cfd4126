//! Who may change or fill a plugin's tables: one node at a time.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sha1::{Digest, Sha1};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::MigrateError;
use crate::sql::access::{Database, DatabaseAccess};
use crate::sql::file_lock::{LOCK_TIMEOUT, lock_file, try_lock_file};

/// How long one attempt to get the lock waits at the server.
const ATTEMPT_SECONDS: u64 = 5;

/// How often a lock on a file is tried.
const POLL: Duration = Duration::from_millis(100);

/// How long a session may wait for its next statement: the connection with a
/// lock must outlive whatever else is done meanwhile.
const SESSION_SECONDS: u64 = 86_400;

/// Holds every other node off seeding one plugin's tables in one database.
/// Dropping it lets the next one in.
pub struct SchemaLock {
    _held: Held,
}

/// Holds every other node off changing one plugin's tables in one database.
/// Dropping it lets the next one in.
///
/// On MySQL, it belongs to the very connection that runs the statements: where
/// a node dies, its server goes on with the statement that it was given, and
/// keeps the lock until that is done. So whoever gets the lock afterwards finds
/// nothing that still runs.
pub struct MigrationLock {
    held: Held,
}

enum Held {
    /// A lock on a file beside the database.
    File { _file: File },
    /// A named lock of the server, which lives as long as this connection.
    Connection { connection: Box<MySqlConnection> },
}

impl MigrationLock {
    /// Returns the connection that the lock belongs to.
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
    /// Waits until no other node seeds `plugin`'s tables here.
    ///
    /// # Errors
    /// When that takes longer than ten minutes.
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

    /// Waits, for as long as it takes, until no other node changes `plugin`'s
    /// tables here. `waiting` is told once if another one does.
    ///
    /// # Errors
    /// When the server, or the folder of the database's file, fails.
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

    /// Takes the lock if no other node changes `plugin`'s tables here now.
    ///
    /// # Errors
    /// When the server, or the folder of the database's file, fails.
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
                // Hosts of before this lock hold the other one while they migrate.
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
                // Hosts of before this lock hold the other one while they migrate.
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

    /// Returns a connection of the lock's own: closing it frees the lock,
    /// whatever happens to this process.
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

    /// Takes the named lock within so many seconds.
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

    /// The server's name of a lock of ours, in the database of `connection`.
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

/// Names of locks are the server's, so the database is part of ours; the digest
/// keeps it within the 64 characters that a name may have. It is made here,
/// since MySQL 9 has no `SHA1()` any more, and is SHA-1's, as versions before
/// this one had the server make it: nodes of both wait for each other.
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
