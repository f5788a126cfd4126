//! Tables of the host itself (`edge_*`), in the database that all nodes share.

use sqlx::{AssertSqlSafe, Connection};

use super::databases::Databases;
use super::{Database, DatabaseAccess};
use crate::sql::error::OpenError;
use crate::sql::error::mysql::{number, typed};
use crate::sql::guard::TableGrant;
use crate::sql::{CallLimits, Dialect, Result};

/// Connections for the host itself, which seldom runs more than one statement
/// at a time.
const CONNECTIONS: u32 = 2;

/// Result limits for the host's own queries, which stay below them.
const LIMITS: CallLimits = CallLimits {
    rows: 10_000,
    bytes: 64 << 20,
};

impl Databases {
    /// Opens the host's own `tables` in the database at `url`.
    ///
    /// # Errors
    /// When the URL is malformed or the database does not answer.
    pub async fn open_own(
        &self,
        url: &str,
        tables: &[&str],
    ) -> std::result::Result<DatabaseAccess, OpenError> {
        let grant = TableGrant {
            read: Default::default(),
            write: tables.iter().map(|table| (*table).to_owned()).collect(),
        };
        self.open_unbounded(url, grant, CONNECTIONS, LIMITS).await
    }
}

/// Placeholder for the database's clock in the host's own statements, in
/// milliseconds since 1970. The clocks of nodes differ.
const NOW: &str = "{now}";
const NOW_MYSQL: &str = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
const NOW_SQLITE: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/// Table options of the host's own tables, whose defaults a server's
/// administrator may have changed.
const MYSQL_TABLE: &str = "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4";

impl DatabaseAccess {
    /// Returns the statement with each `{now}` replaced by the expression for
    /// the database's clock, in milliseconds since 1970.
    #[must_use]
    pub fn with_clock(&self, statement: &str) -> String {
        let now = match self.dialect() {
            Dialect::Mysql => NOW_MYSQL,
            Dialect::Sqlite => NOW_SQLITE,
        };
        statement.replace(NOW, now)
    }

    /// Creates an index on one of the host's own tables, unless it exists.
    ///
    /// # Errors
    /// When the user lacks the privilege, or the database does not answer.
    pub async fn create_index(
        &self,
        name: &'static str,
        table: &'static str,
        columns: &'static str,
    ) -> Result<()> {
        match &self.database {
            Database::Sqlite(sqlite) => {
                let text = format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})");
                sqlite.execute_as_host(text).await
            }
            Database::MySql(mysql) => {
                let mut connection = mysql.unbounded().await.map_err(typed)?;
                let exists = "SELECT COUNT(*) FROM information_schema.statistics \
                    WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?";
                let found = sqlx::query_scalar::<_, i64>(exists).bind(table).bind(name);
                if found.fetch_one(&mut connection).await.map_err(typed)? == 0 {
                    let text = format!("CREATE INDEX {name} ON {table} ({columns})");
                    let made = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
                    let made = made.execute(&mut connection).await;
                    // If two nodes start at once, one of them creates the
                    // index.
                    made.map(|_| ()).or_else(|error| {
                        match number(&error) == Some(DUPLICATE_KEY_NAME) {
                            true => Ok(()),
                            false => Err(typed(error)),
                        }
                    })?;
                }
                connection.close().await.map_err(typed)
            }
        }
    }

    /// Creates one of the host's own tables, unless it exists, by a statement
    /// that is valid in both dialects. A MySQL user without the CREATE
    /// privilege can use a table that an administrator has created.
    ///
    /// # Errors
    /// As for [`execute`](Self::execute).
    pub async fn create(&self, name: &'static str, statement: &'static str) -> Result<()> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.execute_as_host(statement.to_owned()).await?,
            Database::MySql(mysql) => {
                let mut connection = mysql.unbounded().await.map_err(typed)?;
                let text = AssertSqlSafe(format!("{statement} {MYSQL_TABLE}"));
                if let Err(error) = sqlx::query(text).execute(&mut connection).await {
                    let probe = AssertSqlSafe(format!("SELECT 1 FROM {name} WHERE 1 = 0"));
                    let found = sqlx::query(probe).execute(&mut connection).await;
                    found.map_err(|_| typed(error))?;
                }
                connection.close().await.map_err(typed)?;
            }
        }
        Ok(())
    }
}

/// MySQL: an index of this name exists.
const DUPLICATE_KEY_NAME: u16 = 1061;
