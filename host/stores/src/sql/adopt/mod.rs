//! Tables that are there before a plugin's migrations run: an existing shop's.
//! Each statement is compared with them just before it runs, and all of a
//! release before the first change: what is there already is left out, nothing
//! is narrowed or dropped, and what cannot be used is refused with the
//! statement that mends it.
//!
//! The tables are read from `information_schema` ([`inspect`]) into a model
//! ([`schema`]) that statements change as the server would ([`reconcile`]), so
//! that later ones are compared with what earlier ones leave. Rows are looked
//! at within bounds ([`data`]). SQLite's files are the node's own, and not
//! compared.

mod check;
mod column;
mod column_type;
mod data;
mod fit;
mod inspect;
mod kept;
mod known;
mod masked;
mod reconcile;
mod recorded;
mod refill;
mod report;
mod restated;
mod schema;

use sqlx::MySqlConnection;

use self::data::Data;
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

/// How one statement of a migration runs on the tables that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reconciled {
    /// What runs in its place; nothing where all that it does is there.
    pub(super) statements: Vec<String>,
    /// What is in the way. Nothing runs then.
    pub(super) obstacles: Vec<Finding>,
}

/// Compares one statement, which passed the guard, with the tables that are
/// there now.
///
/// # Errors
/// Those of the driver.
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

/// The words of a statement, the names of its tables among them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}
