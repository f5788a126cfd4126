//! Authorizer that SQLite calls while it prepares a statement, for each table,
//! function and action in it.
//!
//! The authorizer is the second check, after the guard of statements. It does
//! not read texts, so no spelling can evade it: SQLite names the actions that
//! it is about to perform.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::lock::lock;
use crate::sql::guard::{TableGrant, functions};

/// SQLite's own tables that a change of the schema reads and writes.
const SCHEMA_TABLES: [&str; 3] = ["sqlite_master", "sqlite_temp_master", SEQUENCES];

/// SQLite's table of the last ids that AUTOINCREMENT gave, created together
/// with the first table that needs it.
const SEQUENCES: &str = "sqlite_sequence";

/// Pragma with which ALTER TABLE checks that the rows meet a new constraint.
const CONSTRAINT_CHECK: &str = "quick_check";
const CONSTRAINT_CHECK_TABLE: &str = "pragma_quick_check";

/// Prefixes of the functions with which ALTER TABLE rewrites the schema.
const SCHEMA_FUNCTIONS: [&str; 3] = ["sqlite_rename_", "sqlite_drop_column", "sqlite_fail"];

/// Origin of a statement, which decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Authority {
    /// A statement of the plugin: allowed within its grant.
    Plugin = 0,
    /// A migration of the plugin: allowed within its grant, with changes of the
    /// schema of the tables that it may change.
    Migration = 1,
    /// A statement of the host: everything is allowed.
    Host = 2,
}

/// Decides on the actions of one connection's statements.
#[derive(Debug)]
pub(super) struct Authorizer {
    grant: Arc<TableGrant>,
    authority: AtomicU8,
    noted: Mutex<Noted>,
}

/// Findings of the authorizer while a statement was prepared.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The first refused action.
    pub(super) refused: Option<String>,
    /// Names of which no column is read. SQLite reports a table and a name that
    /// `WITH` defines alike here, so the caller has to check that these are no
    /// tables.
    pub(super) unresolved: Vec<String>,
}

/// Decision on one action.
enum Decision {
    Allow,
    Deny,
    /// Allowed if there is no table of this name.
    Unresolved(String),
}

impl Authorizer {
    pub(super) fn new(grant: Arc<TableGrant>) -> Arc<Self> {
        Arc::new(Self {
            grant,
            authority: AtomicU8::new(Authority::Host as u8),
            noted: Mutex::default(),
        })
    }

    /// Sets the origin of the statements that are prepared from now on.
    pub(super) fn set(&self, authority: Authority) {
        self.authority.store(authority as u8, Ordering::Relaxed);
    }

    /// Returns and clears the findings since the last call.
    pub(super) fn take_noted(&self) -> Noted {
        std::mem::take(&mut lock(&self.noted))
    }

    /// Decides on one action, for SQLite.
    pub(super) fn authorize(&self, context: AuthContext<'_>) -> Authorization {
        match self.decide(&context) {
            Decision::Allow => return Authorization::Allow,
            Decision::Unresolved(name) => {
                let mut noted = lock(&self.noted);
                noted.unresolved.push(name);
                return Authorization::Allow;
            }
            Decision::Deny => {}
        }
        let mut noted = lock(&self.noted);
        let refused = || format!("{:?}", context.action);
        noted.refused.get_or_insert_with(refused);
        Authorization::Deny
    }

    fn decide(&self, context: &AuthContext<'_>) -> Decision {
        let authority = self.authority.load(Ordering::Relaxed);
        if authority == Authority::Host as u8 {
            return Decision::Allow;
        }
        // Subqueries and names that `WITH` defines have no database.
        let decision = match context.database_name {
            None | Some("main") => self.decide_statement(&context.action),
            Some(_) => Decision::Deny,
        };
        match decision {
            Decision::Deny if authority == Authority::Migration as u8 => {
                allow_if(self.is_schema_change(&context.action))
            }
            decision => decision,
        }
    }

    fn decide_statement(&self, action: &AuthAction<'_>) -> Decision {
        match *action {
            AuthAction::Select | AuthAction::Recursive => Decision::Allow,
            AuthAction::Function { function_name } => {
                allow_if(functions::is_allowed(function_name))
            }
            AuthAction::Read {
                table_name,
                column_name,
            } => self.decide_read(table_name, column_name),
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => allow_if(self.may_write(table_name)),
            _ => Decision::Deny,
        }
    }

    fn decide_read(&self, table: &str, column: &str) -> Decision {
        let name = table.to_ascii_lowercase();
        let is_allowed = name.is_empty()
            || self.grant.may_read(&name)
            || functions::TABLE_VALUED.contains(&name.as_str());
        match column {
            _ if is_allowed => Decision::Allow,
            "" => Decision::Unresolved(name),
            _ => Decision::Deny,
        }
    }

    /// Returns whether a migration may perform the action beyond the plugin's
    /// grant. Tables and indexes of the database `temp` have other actions.
    fn is_schema_change(&self, action: &AuthAction<'_>) -> bool {
        let is_schema_table = |name: &str| SCHEMA_TABLES.contains(&name);
        match *action {
            AuthAction::CreateTable { table_name } => {
                self.may_write(table_name) || table_name == SEQUENCES
            }
            AuthAction::CreateIndex { table_name, .. }
            | AuthAction::AlterTable { table_name, .. } => self.may_write(table_name),
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => is_schema_table(table_name),
            AuthAction::Read { table_name, .. } => {
                is_schema_table(table_name) || table_name == CONSTRAINT_CHECK_TABLE
            }
            AuthAction::Pragma { pragma_name, .. } => pragma_name == CONSTRAINT_CHECK,
            AuthAction::Reindex { .. } => true,
            AuthAction::Function { function_name } => SCHEMA_FUNCTIONS
                .iter()
                .any(|prefix| function_name.starts_with(prefix)),
            _ => false,
        }
    }

    fn may_write(&self, table: &str) -> bool {
        self.grant.may_write(&table.to_ascii_lowercase())
    }
}

fn allow_if(allowed: bool) -> Decision {
    if allowed {
        Decision::Allow
    } else {
        Decision::Deny
    }
}
