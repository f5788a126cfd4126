//! The guard of statements.

#[path = "../../../host/src/stores/sql/guard/mod.rs"]
mod guard;
#[path = "../../../host/src/stores/sql/migrations.rs"]
mod migrations;

pub use guard::{TableGrant, planned_once};
pub use migrations::{Migration, Migrations};

use crate::bindings::sql::Dialect;
use guard::{Guard, Kind};

/// What the guard lets a statement do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Only read.
    Query,
    /// Change something, too.
    Change,
}

/// Whether statements may call the function of this name.
pub fn may_call(function: &str) -> bool {
    guard::functions::is_allowed(function)
}

/// Statements of a plugin with some tables.
pub struct Statements(Guard);

impl Statements {
    /// Checked against `grant`, as `dialect` has it.
    pub fn new(grant: TableGrant, dialect: Dialect) -> Self {
        Self(Guard::new(grant, dialect))
    }

    /// The text that the database gets, and what it may do; `None` if the guard
    /// lets it do nothing. It has to take no parameters.
    pub fn pass(&self, text: &str) -> Option<(std::sync::Arc<str>, Passed)> {
        let kinds = [(Kind::Query, Passed::Query), (Kind::Change, Passed::Change)];
        kinds.into_iter().find_map(|(kind, passed)| {
            let checked = self.0.check(text, kind, 0).ok()?;
            Some((checked.text, passed))
        })
    }
}
