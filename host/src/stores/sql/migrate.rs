//! Bringing a plugin's tables up to date, and seeing to it that only one node
//! does so at a time.

use std::fs::File;

use sqlx::migrate::{Migrate, MigrateError as SqlxMigrateError, Migrator};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::access::{Database, DatabaseAccess};
use super::checked_migration::CheckedMigration;
use super::error::is_transient;
use super::file_lock::{LOCK_TIMEOUT, lock_file};
use super::guard::migration::MigrationRefused;
use super::migrations::Migrations;
use super::mysql::MySqlDatabase;
use super::sqlite::MigrationFailure;
use crate::bindings::sql::{Dialect, Error};

/// Why the tables are not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There are none for the database's dialect.
    #[error(
        "migrations/{0} is missing or empty: a plugin with a database grant has migrations for each dialect"
    )]
    None(&'static str),
    /// A migration failed, was changed after it ran, or is missing.
    #[error("migrations/{dialect}: {source}")]
    Failed {
        /// The dialect that they are for.
        dialect: &'static str,
        /// What went wrong; names the migration.
        source: SqlxMigrateError,
    },
    /// A migration does what the grant does not allow. Nothing ran.
    #[error("migrations/{dialect}/{name}: {source}")]
    Refused {
        /// The dialect that it is for.
        dialect: &'static str,
        /// The name of its file.
        name: String,
        /// What is not allowed.
        source: MigrationRefused,
    },
    /// SQLite's migration failed, or was changed after it ran.
    #[error("migrations/sqlite: {0}")]
    Sqlite(#[from] MigrationFailure),
    /// The database does not say what it has become.
    #[error("migrations/{dialect}: {source}")]
    Unknown {
        /// The dialect of the database.
        dialect: &'static str,
        /// Why not.
        source: Error,
    },
    /// SQLite would store the column's decimals as floats.
    #[error(
        "migrations/sqlite: column {column} is declared {declared}, which SQLite stores as a float; declare it TEXT"
    )]
    InexactDecimal {
        /// `table.column`
        column: String,
        /// The declared type.
        declared: String,
    },
    /// The lock could not be taken.
    #[error(
        "another node has been migrating or seeding {url} for too long, or the lock failed: {reason}"
    )]
    Lock {
        /// The database, without its password.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl MigrateError {
    /// Whether the same attempt may well succeed later: the database does not
    /// answer, or another node migrates.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lock { .. } => true,
            Self::Unknown { source, .. } => {
                matches!(source, Error::Timeout | Error::Unavailable(_))
            }
            Self::Failed {
                source:
                    SqlxMigrateError::Execute(error) | SqlxMigrateError::ExecuteMigration(error, _),
                ..
            } => is_transient(error),
            _ => false,
        }
    }
}

/// Holds every other node off one plugin's tables in one database. Dropping
/// it lets the next one in.
pub struct SchemaLock {
    _held: Held,
}

enum Held {
    /// A lock on a file beside the database.
    File { _file: File },
    /// A named lock of the server, which lives as long as this connection.
    Connection {
        _connection: Box<sqlx::MySqlConnection>,
    },
}

impl DatabaseAccess {
    /// Wait until no other node migrates or seeds `plugin`'s tables here.
    ///
    /// # Errors
    /// When that takes longer than ten minutes.
    pub async fn lock_schema(&self, plugin: &str) -> Result<SchemaLock, MigrateError> {
        let fail = |reason: String| MigrateError::Lock {
            url: self.url().to_owned(),
            reason,
        };
        let held = match &self.database {
            Database::Sqlite(sqlite) => {
                let lock = sqlite.file().with_extension(format!("{plugin}.lock"));
                let file = lock_file(lock).await;
                Held::File {
                    _file: file.map_err(|error| fail(error.to_string()))?,
                }
            }
            Database::MySql(mysql) => {
                let connection = mysql.unbounded().await;
                let connection = connection.map_err(|error| fail(error.to_string()))?;
                let connection = lock_named(connection, plugin).await.map_err(fail)?;
                Held::Connection {
                    _connection: Box::new(connection),
                }
            }
        };
        Ok(SchemaLock { _held: held })
    }

    /// Run those of the plugin's migrations that have not run here yet, in
    /// order. What ran is recorded in the table `edge_migrations_<plugin>`;
    /// that may be more than a release knows, after a newer one was here.
    ///
    /// # Errors
    /// Names the migration that failed. On MySQL, which undoes no change of a
    /// table, a failed one of several statements may have run in part, and so
    /// may one whose node was killed; either begins anew the next time.
    pub async fn migrate(
        &self,
        plugin: &str,
        migrations: &Migrations,
        _lock: &SchemaLock,
    ) -> Result<(), MigrateError> {
        let dialect = dialect_name(self.dialect());
        let checked = self.checked(migrations)?;
        if checked.is_empty() {
            // Whoever may only read has no tables to make.
            if self.grant().write.is_empty() {
                return Ok(());
            }
            return Err(MigrateError::None(dialect));
        }
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.migrate(&migrations_table(plugin), checked).await?,
            Database::MySql(mysql) => {
                let ran = migrate_mysql(mysql, plugin, checked).await;
                ran.map_err(|source| MigrateError::Failed { dialect, source })?;
            }
        }
        self.refuse_inexact_decimals().await
    }

    /// Checks all migrations for this database against the grant, those that
    /// ran among them: what is in a release is refused here or nowhere.
    fn checked(&self, migrations: &Migrations) -> Result<Vec<CheckedMigration>, MigrateError> {
        let mut checked = Vec::new();
        for migration in migrations.of(self.dialect()) {
            let allowed = migration.checked(self.grant(), self.dialect());
            let allowed = allowed.map_err(|source| MigrateError::Refused {
                dialect: dialect_name(self.dialect()),
                name: migration.name.clone(),
                source,
            })?;
            checked.extend(allowed);
        }
        checked.sort_by_key(CheckedMigration::version);
        Ok(checked)
    }

    /// A DECIMAL column has NUMERIC affinity in SQLite: what is stored there
    /// becomes a float, and would come back without its scale.
    async fn refuse_inexact_decimals(&self) -> Result<(), MigrateError> {
        let Database::Sqlite(sqlite) = &self.database else {
            return Ok(());
        };
        match sqlite.inexact_decimal().await {
            Ok(None) => Ok(()),
            Ok(Some((column, declared))) => Err(MigrateError::InexactDecimal { column, declared }),
            Err(source) => Err(MigrateError::Unknown {
                dialect: "sqlite",
                source,
            }),
        }
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Mysql => "mysql",
    }
}

async fn migrate_mysql(
    mysql: &MySqlDatabase,
    plugin: &str,
    checked: Vec<CheckedMigration>,
) -> Result<(), SqlxMigrateError> {
    let mut connection = mysql.unbounded().await?;
    let migrator = migrator(&mut connection, plugin, checked).await?;
    let mut ran = migrator.run_direct(None, &mut connection, false).await;
    if let Err(SqlxMigrateError::Dirty(version)) = ran {
        // The lock is ours: whoever was at it ended midway.
        tracing::warn!(plugin, version, "a migration was cut off; it may run again");
        forget_failed(&mut connection, plugin).await;
        ran = migrator.run_direct(None, &mut connection, false).await;
    }
    if ran.is_err() {
        forget_failed(&mut connection, plugin).await;
    }
    ran
}

async fn migrator(
    connection: &mut MySqlConnection,
    plugin: &str,
    checked: Vec<CheckedMigration>,
) -> Result<Migrator, SqlxMigrateError> {
    let table = migrations_table(plugin);
    connection.ensure_migrations_table(&table).await?;
    let applied = connection.list_applied_migrations(&table).await?;
    let recorded = |version| applied.iter().find(|applied| applied.version == version);
    let migrations = checked.into_iter().map(|migration| {
        let recorded = recorded(migration.version()).map(|applied| &*applied.checksum);
        migration.into_sqlx(recorded)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    // Ours is held already, and covers seeding as well.
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(table);
    Ok(migrator)
}

/// sqlx writes down a migration that failed or was cut off, and then runs none
/// any more, of releases without that migration neither. So it is forgotten: who brings it
/// again, mended, has it run again.
async fn forget_failed(connection: &mut MySqlConnection, plugin: &str) {
    let table = migrations_table(plugin);
    let text = AssertSqlSafe(format!("DELETE FROM {table} WHERE success = FALSE"));
    if let Err(error) = sqlx::query(text).execute(connection).await {
        tracing::warn!(%error, table, "a failed migration is still written down");
    }
}

/// Returns the name of the table that records which migrations of `plugin` ran.
#[must_use]
pub fn migrations_table(plugin: &str) -> String {
    format!("edge_migrations_{}", plugin.replace('-', "_"))
}

/// The connection is the lock's own: closing it frees the lock, whatever
/// happens to this process.
async fn lock_named(
    mut connection: sqlx::MySqlConnection,
    plugin: &str,
) -> Result<sqlx::MySqlConnection, String> {
    // Names are the server's, so the database is part of ours; the digest
    // keeps it within the 64 characters that a name may have.
    let taken: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK(SHA1(CONCAT('edge ', DATABASE(), ' ', ?)), ?)")
            .bind(plugin)
            .bind(LOCK_TIMEOUT.as_secs())
            .fetch_one(&mut connection)
            .await
            .map_err(|error| error.to_string())?;
    if taken == Some(1) {
        Ok(connection)
    } else {
        Err("timed out".into())
    }
}
