//! Shapes of statements: which tables, columns and rows a SELECT depends on and a change changes,
//! so that it can be told which results a change leaves as they are.
//!
//! A shape is found once for each statement text. With the parameters of one call, and the keys in
//! the rows that it returned, the shape of a SELECT becomes [`Dependency`]s and that of a change
//! [`Change`]s. [`Change::affects`] may answer yes where the result stays the same, and never no
//! where it differs: names count as columns wherever they could be columns, and whatever is not
//! understood depends on, or changes, the whole table. Where SQL leaves it open which result is
//! right, any is: without an ORDER BY that names a unique key, the order of rows, and with LIMIT the
//! rows themselves, may depend on the index that the database chose.
//!
//! Shapes know nothing of a schema. Callers must not use them for views, nor for tables whose rows
//! change by themselves: by triggers, by foreign keys with an action, by generated columns and by
//! columns with `ON UPDATE`, or by `ON CONFLICT REPLACE` in their definition.

mod columns;
mod dependency;
mod fixed;
mod projection;
mod read;
mod volatile;
mod words;
mod write;

#[cfg(test)]
mod tests;

use sqlparser::ast::Statement;
use sqlparser::tokenizer::TokenWithSpan;

use super::tables::Tables;
use crate::sql::Dialect;

pub use columns::Columns;
pub use dependency::{Change, ChangeKind, Dependency, RowSet};
pub use fixed::Fixed;
pub use read::{ReadShape, TableRead};
pub use write::{TableChange, WriteShape};

/// Shape of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A SELECT, and what its result depends on.
    Read(ReadShape),
    /// An INSERT, UPDATE or DELETE, and what it changes.
    Write(WriteShape),
}

impl Shape {
    /// Returns the shape of `statement`, which consists of `tokens` and uses the tables `used`.
    pub(super) fn new(
        statement: &Statement,
        tokens: &[TokenWithSpan],
        used: &Tables,
        dialect: Dialect,
    ) -> Self {
        match statement {
            Statement::Query(query) => Self::Read(read::shape(query, tokens, used, dialect)),
            change => Self::Write(write::shape(change, tokens, used, dialect)),
        }
    }
}
