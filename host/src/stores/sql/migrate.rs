//! Bringing a plugin's tables up to date, and seeing to it that only one node
//! does so at a time.

use std::fs::File;

use sqlx::Row;
use sqlx::migrate::{
    MigrateError as SqlxMigrateError, Migration as SqlxMigration, MigrationType, Migrator,
};
use sqlx::{AssertSqlSafe, MySqlConnection, SqlSafeStr};

use super::access::{Database, DatabaseAccess};
use super::file_lock::{LOCK_TIMEOUT, lock_file};
use super::migrations::{Migration, Migrations, split};
use crate::bindings::sql::Dialect;

/// What a migration begins with that must not run in a transaction; sqlx's rule.
const WITHOUT_TRANSACTION: &str = "-- no-transaction";

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
                let database = sqlite.writer.connect_options().get_filename().to_owned();
                let file = lock_file(database.with_extension(format!("{plugin}.lock"))).await;
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
        let dialect = match self.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Mysql => "mysql",
        };
        let migrations = migrations.of(self.dialect());
        if migrations.is_empty() {
            return Err(MigrateError::None(dialect));
        }
        let failed = |source| MigrateError::Failed { dialect, source };
        let mut migrator = Migrator::with_migrations(to_sqlx(migrations));
        migrator.set_ignore_missing(true);
        // Ours is held already, and covers seeding as well.
        migrator.set_locking(false);
        migrator.dangerous_set_table_name(table(plugin));
        match &self.database {
            Database::Sqlite(sqlite) => migrator.run(&sqlite.writer).await.map_err(failed)?,
            Database::MySql(mysql) => {
                let connection = mysql.unbounded().await;
                let mut connection = connection.map_err(|error| failed(error.into()))?;
                let mut ran = migrator.run_direct(None, &mut connection, false).await;
                if let Err(SqlxMigrateError::Dirty(version)) = ran {
                    // The lock is ours: whoever was at it ended midway.
                    tracing::warn!(plugin, version, "a migration was cut off; it may run again");
                    forget_failed(&mut connection, plugin).await;
                    ran = migrator.run_direct(None, &mut connection, false).await;
                }
                if let Err(error) = ran {
                    forget_failed(&mut connection, plugin).await;
                    return Err(failed(error));
                }
            }
        }
        self.refuse_inexact_decimals().await
    }

    /// A DECIMAL column has NUMERIC affinity in SQLite: what is stored there
    /// becomes a float, and would come back without its scale.
    async fn refuse_inexact_decimals(&self) -> Result<(), MigrateError> {
        const COLUMNS: &str = "SELECT m.name || '.' || c.name, c.type \
            FROM sqlite_master m JOIN pragma_table_info(m.name) c \
            WHERE m.type = 'table' AND (c.type LIKE 'DECIMAL%' OR c.type LIKE 'NUMERIC%')";
        let Database::Sqlite(sqlite) = &self.database else {
            return Ok(());
        };
        let found = sqlx::query(COLUMNS).fetch_optional(&sqlite.writer).await;
        let failed = |source: sqlx::Error| MigrateError::Failed {
            dialect: "sqlite",
            source: source.into(),
        };
        match found.map_err(failed)? {
            None => Ok(()),
            Some(row) => Err(MigrateError::InexactDecimal {
                column: row.try_get(0).map_err(failed)?,
                declared: row.try_get(1).map_err(failed)?,
            }),
        }
    }
}

/// sqlx writes down a migration that failed or was cut off, and then runs none
/// any more, of releases without that migration neither. So it is forgotten: who brings it
/// again, mended, has it run again.
async fn forget_failed(connection: &mut MySqlConnection, plugin: &str) {
    let table = table(plugin);
    let text = AssertSqlSafe(format!("DELETE FROM {table} WHERE success = FALSE"));
    if let Err(error) = sqlx::query(text).execute(connection).await {
        tracing::warn!(%error, table, "a failed migration is still written down");
    }
}

/// Where it is written down which migrations ran.
fn table(plugin: &str) -> String {
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

/// As sqlx knows them.
fn to_sqlx(migrations: &[Migration]) -> Vec<SqlxMigration> {
    let mut migrations: Vec<_> = migrations.iter().filter_map(one_to_sqlx).collect();
    migrations.sort();
    migrations
}

fn one_to_sqlx(migration: &Migration) -> Option<SqlxMigration> {
    let (version, name) = split(&migration.name)?;
    Some(SqlxMigration::new(
        version,
        name.replace('_', " ").into(),
        MigrationType::Simple,
        // It is the plugin's own text, as it was reviewed and signed.
        AssertSqlSafe(migration.sql.clone()).into_sql_str(),
        migration.sql.starts_with(WITHOUT_TRANSACTION),
    ))
}
