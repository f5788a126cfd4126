//! Identifies databases, so that two migration runs on one are told apart.

use sqlx::Connection;

use super::error::MigrateError;
use crate::sql::access::{Database, DatabaseAccess};

impl DatabaseAccess {
    /// Returns a name that identifies the database independently of the URL
    /// that opened it: host name, port and schema of a server, or host name and
    /// path of a file.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn identity(&self) -> std::result::Result<String, MigrateError> {
        let name = match &self.database {
            Database::Sqlite(sqlite) => {
                let machine = rustix::system::uname();
                let machine = machine.nodename().to_string_lossy().into_owned();
                let file = sqlite.file().canonicalize();
                let file = file.unwrap_or_else(|_| sqlite.file().to_owned());
                format!("sqlite {machine} {}", file.display())
            }
            Database::MySql(mysql) => {
                let mut connection = mysql.unbounded().await.map_err(MigrateError::from_mysql)?;
                let text = "SELECT CONCAT('mysql ', @@hostname, ':', @@port, '/', DATABASE())";
                let name = sqlx::query_scalar(text).fetch_one(&mut connection).await;
                connection.close().await.map_err(MigrateError::from_mysql)?;
                name.map_err(MigrateError::from_mysql)?
            }
        };
        Ok(name)
    }
}
