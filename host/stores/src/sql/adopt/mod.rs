//! Adapts migrations to tables that existed before them, such as those of an
//! existing shop. Each statement is compared with them just before it runs, and
//! all statements of a release before the first change: parts that exist are
//! left out, nothing is narrowed or dropped, and unusable parts are refused
//! with the statement that corrects them.
//!
//! The tables are read from `information_schema` ([`inspect`]) into a model
//! ([`schema`]) that statements change as the server would ([`mod@reconcile`]), so
//! that later statements are compared with the result of earlier ones. Rows are
//! queried within bounds ([`data`]). SQLite files belong to the node, and are
//! not compared.

mod check;
mod column;
mod column_type;
mod data;
mod fit;
mod inspect;
mod kept;
mod known;
mod masked;
mod names;
mod reconcile;
mod recorded;
mod refill;
mod remedies;
mod report;
mod restated;
mod schema;

use sqlx::MySqlConnection;

use self::data::Data;
use self::names::words;
use self::reconcile::Reconciler;
use super::guard::TableGrant;
use super::mysql::Server;

pub(super) use check::{Plan, check};
pub(super) use kept::Kept;
pub(super) use known::Known;
pub(super) use recorded::lacking;
pub(super) use refill::refilled_from;
pub use report::{
    ASSUMED_BYTES_PER_SECOND, AdoptionReport, Finding, FindingKind, Obstacles, TableReport,
};

/// Statements to run instead of one statement of a migration, adapted to the
/// existing tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reconciled {
    /// Statements to run; empty if everything that the original does exists.
    pub(super) statements: Vec<String>,
    /// Obstacles in the existing tables. If there are any, nothing runs.
    pub(super) obstacles: Vec<Finding>,
}

/// Compares one statement, which passed the guard, with the tables as they are
/// now.
///
/// # Errors
/// Errors of the driver.
pub(super) async fn reconcile(
    connection: &mut MySqlConnection,
    server: Server,
    grant: &TableGrant,
    text: &str,
    (kept, known): (&Kept, &Known),
) -> sqlx::Result<Reconciled> {
    let mut names: Vec<_> = words(text).filter(|word| grant.may_write(word)).collect();
    names.sort_unstable();
    names.dedup();
    let schema = inspect::schema(connection, server, &names).await?;
    if schema.tables.is_empty() {
        return Ok(Reconciled {
            statements: vec![text.to_owned()],
            obstacles: Vec::new(),
        });
    }
    let mut reconciler = Reconciler {
        grant,
        schema,
        data: Data::within(connection),
        findings: Vec::new(),
        reused: Vec::new(),
        filled: Vec::new(),
        rewritten: Vec::new(),
        looks: false,
        kept,
        known,
    };
    let statements = reconciler.statement(text).await?;
    let mut obstacles = reconciler.findings;
    obstacles.retain(|finding| finding.kind == FindingKind::Obstacle);
    Ok(Reconciled {
        statements,
        obstacles,
    })
}
