//! Relational databases: SQLite and MySQL behind one interface, chosen by URL.
//!
//! The modules, in an order in which imports only go down:
//!
//! | module | holds |
//! |---|---|
//! | `migrate` | migrations: what is pending, and running it |
//! | `adopt` | existing tables that migrations meet |
//! | `access` | one plugin's access, transactions, read replicas, and the factory of all |
//! | `mysql`, `sqlite` | the two databases, each with its connection pool |
//! | `versions` | whether a result that was kept is still current |
//! | `guard` | checks of statements against a grant, and their shapes |
//! | `retry`, `file_lock` | what both databases use |
//! | `rows`, `error`, `connections`, `types` | values, results and errors |

mod access;
mod adopt;
mod connections;
mod error;
mod file_lock;
mod guard;
mod migrate;
mod mysql;
mod retry;
mod rows;
mod sqlite;
mod types;
mod versions;

pub use access::{DatabaseAccess, Databases, MaxAge, OpenTransaction, ReplicaUse};
pub use adopt::{
    ASSUMED_BYTES_PER_SECOND, AdoptionReport, Finding, FindingKind, Obstacles, TableReport,
};
pub use bundle::Dialect;
pub use connections::{Connections, Lifetimes};
pub(crate) use error::is_transient;
pub(crate) use error::sqlite::sqlite_refusal_code;
pub use error::{
    ErrorKind, OpenError, UnsupportedServer, UrlError, mysql_error_kinds, redacted_url,
};
pub use guard::migration::MigrationRefused;
pub use guard::{
    Change, ChangeKind, Columns, Dependency, Fixed, ReadShape, RowSet, Shape, TableChange,
    TableRead, WriteShape,
};
pub use guard::{
    Checked as CheckedStatement, Guard as StatementGuard, Kind as StatementKind, TableGrant,
    is_allowed_function, planned_once,
};
pub use migrate::{
    MigrateError, MigrationLock, MigrationPlan, MigrationProgress, PlannedStatement,
    ProgressSender, SchemaLock, migrations_table,
};
pub use mysql::{mysql_session, mysql_session_checks};
pub use rows::{Cell, Form, KeyCell, PackedRows};
pub(super) use sqlite::SqliteFile;
pub use types::{CallLimits, Error, Outcome, Rows, Value};
pub use versions::{ResultVersion, Untracked, Versions};

type Result<T> = std::result::Result<T, Error>;
