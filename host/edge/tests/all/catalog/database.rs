//! A database of a test's own, and a look into it past the node.

use std::collections::BTreeMap;

use sqlx::mysql::MySqlRow;
use sqlx::{
    AssertSqlSafe, ColumnIndex, Connection, Database as Kind, Decode, Executor, IntoArguments,
    MySqlConnection, Row, SqliteConnection,
};
use tempfile::TempDir;

use test_servers::MariaDb;

/// A kind of database that the catalog runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    MariaDb,
}

impl Store {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::MariaDb];
}

/// An empty database, gone with its folder or its server.
pub struct Database {
    pub store: Store,
    pub url: String,
    _folder: Option<TempDir>,
}

/// Whether a statement in the database at this URL waits for another's lock on
/// a table.
pub async fn waits_for_a_lock(database: &str) -> bool {
    let mut connection = MySqlConnection::connect(database).await.expect("MariaDB");
    let name: String = sqlx::query_scalar("SELECT DATABASE()")
        .fetch_one(&mut connection)
        .await
        .expect("a database");
    // MySQL's table of processes fails while a statement with a binary value runs.
    let processes = connection.fetch_all("SHOW PROCESSLIST").await;
    let is_waiting = |process: &MySqlRow| {
        let text = |column| {
            process
                .try_get_unchecked::<Option<String>, _>(column)
                .ok()
                .flatten()
        };
        text("db") == Some(name.clone())
            && text("State").is_some_and(|state| state.starts_with("Waiting for table"))
    };
    processes.expect("processes").iter().any(is_waiting)
}

/// The values of a row, as the database sends them.
pub type Cells = Vec<Option<Vec<u8>>>;

/// The rows of every table, sorted.
pub type Snapshot = BTreeMap<String, Vec<Cells>>;

impl Database {
    /// One of each kind.
    pub fn both() -> [Self; 2] {
        Store::ALL.map(Self::new)
    }

    /// An empty database.
    pub fn new(store: Store) -> Self {
        match store {
            Store::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}/shop.sqlite?mode=rwc", folder.path().display());
                let _folder = Some(folder);
                Self {
                    store,
                    url,
                    _folder,
                }
            }
            Store::MariaDb => Self {
                store,
                url: MariaDb::shared().database(),
                _folder: None,
            },
        }
    }

    /// An empty one of a MariaDB server of one's own.
    pub fn of(server: &MariaDb) -> Self {
        Self {
            store: Store::MariaDb,
            url: server.database(),
            _folder: None,
        }
    }

    /// Run a statement.
    pub async fn execute(&self, statement: &str) {
        self.rows(statement).await;
    }

    /// The first value of each row that a statement finds, as text.
    pub async fn texts(&self, statement: &str) -> Vec<String> {
        let rows = self.rows(statement).await;
        let texts = rows.into_iter().map(|mut row| row.swap_remove(0));
        let texts = texts.map(|text| String::from_utf8(text.expect("not NULL")));
        texts.map(|text| text.expect("UTF-8")).collect()
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT 1 FROM {table}")).await.len()
    }

    /// The columns of a table, in order: their names and types.
    pub async fn columns(&self, table: &str) -> Vec<String> {
        let statement = match self.store {
            Store::Sqlite => {
                format!("SELECT name || ' ' || type FROM pragma_table_info('{table}')")
            }
            Store::MariaDb => format!(
                "SELECT CONCAT(column_name, ' ', column_type, ' ', COALESCE(collation_name, '')) \
                 FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = '{table}' \
                 ORDER BY ordinal_position"
            ),
        };
        self.texts(&statement).await
    }

    /// Everything that is in it.
    pub async fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        for table in self.tables().await {
            let rows = self.rows_of(&table, &["*".to_owned()]).await;
            snapshot.insert(table, rows);
        }
        snapshot
    }

    /// What a table has in these columns, each given by its name and whatever
    /// follows that; sorted.
    pub async fn rows_of(&self, table: &str, columns: &[String]) -> Vec<Cells> {
        let names = columns
            .iter()
            .map(|column| column.split(' ').next().unwrap_or(column));
        let columns = names.collect::<Vec<_>>().join(", ");
        let mut rows = self.rows(&format!("SELECT {columns} FROM {table}")).await;
        rows.sort();
        rows
    }

    async fn tables(&self) -> Vec<String> {
        self.texts(match self.store {
            Store::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Store::MariaDb => {
                "SELECT table_name FROM information_schema.tables \
                 WHERE table_schema = DATABASE()"
            }
        })
        .await
    }

    /// Whether the database refuses a statement for the sake of a unique key.
    pub async fn refuses_duplicate(&self, statement: &str) -> bool {
        let done = self.try_rows(statement).await;
        let error = done.err().and_then(sqlx::Error::into_database_error);
        error.is_some_and(|error| error.is_unique_violation())
    }

    async fn rows(&self, statement: &str) -> Vec<Cells> {
        let rows = self.try_rows(statement).await;
        rows.unwrap_or_else(|error| panic!("{:?}: {statement}: {error}", self.store))
    }

    async fn try_rows(&self, statement: &str) -> sqlx::Result<Vec<Cells>> {
        match self.store {
            Store::Sqlite => {
                let connection = SqliteConnection::connect(&self.url).await?;
                fetch(connection, statement).await
            }
            Store::MariaDb => {
                let mut connection = MySqlConnection::connect(&self.url).await?;
                // What others have written, servers took that were laxer.
                connection.execute("SET sql_mode = ''").await?;
                fetch(connection, statement).await
            }
        }
    }
}

async fn fetch<C: Connection>(mut connection: C, statement: &str) -> sqlx::Result<Vec<Cells>>
where
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    <C::Database as Kind>::Arguments: IntoArguments<C::Database>,
    usize: ColumnIndex<<C::Database as Kind>::Row>,
    for<'r> Vec<u8>: Decode<'r, C::Database> + sqlx::Type<C::Database>,
{
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    let rows = statement.fetch_all(&mut connection).await?;
    connection.close().await?;
    let cells = |row: <C::Database as Kind>::Row| {
        let cells = (0..row.len()).map(|index| row.try_get_unchecked(index));
        cells.collect()
    };
    rows.into_iter().map(cells).collect()
}
