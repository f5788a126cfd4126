//! Relational databases: SQLite and MySQL behind one interface, chosen by URL.

mod access;
mod adopt;
mod budget;
mod checked_migration;
mod databases;
mod error;
mod file_lock;
mod guard;
mod health;
mod lifetimes;
mod migrate;
mod mysql;
mod own;
mod packed;
mod pool;
mod pooled;
mod queueing;
mod replica;
mod retry;
mod rows;
mod sqlite;
mod types;
mod value;
mod warnings;

pub use access::{Connections, DatabaseAccess, OpenTransaction};
pub use adopt::{
    ASSUMED_BYTES_PER_SECOND, AdoptionReport, Finding, FindingKind, Obstacles, TableReport,
};
pub use bundle::Dialect;
pub use databases::Databases;
pub use error::{ErrorKind, OpenError, mysql_error_kinds, redacted_url};
pub(crate) use error::{is_transient, sqlite_refusal_code};
pub use guard::migration::MigrationRefused;
pub use guard::{
    Change, ChangeKind, Columns, Dependency, Fixed, KeyCell, ReadShape, RowSet, Shape, TableChange,
    TableRead, WriteShape,
};
pub use guard::{
    Checked as CheckedStatement, Guard as StatementGuard, Kind as StatementKind, TableGrant,
    is_allowed_function, planned_once,
};
pub use lifetimes::Lifetimes;
pub use migrate::{
    MigrateError, MigrationLock, MigrationPlan, MigrationProgress, PlannedStatement,
    ProgressSender, SchemaLock, migrations_table,
};
pub use mysql::{UnsupportedServer, UrlError, mysql_session, mysql_session_checks};
pub use packed::PackedRows;
pub use replica::ReplicaUse;
pub use rows::{Cell, Form};
pub(super) use sqlite::SqliteFile;
pub use types::{Error, Outcome, Rows, Value};

/// Limits on the result of one query.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Largest number of rows that a query may return.
    pub rows: usize,
    /// Largest size of a query's result, in bytes.
    pub bytes: usize,
}

type Result<T> = std::result::Result<T, Error>;
