//! Determines which migrations are pending in a database, and the statement at
//! which the first of them continues.

use sqlx::migrate::MigrateError as SqlxMigrateError;

use super::checked::CheckedMigration;
use super::error::{MigrateError, dialect_name};
use crate::sql::Dialect;
use crate::sql::adopt::refilled_from;

/// The record of one migration in a database.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) version: i64,
    pub(super) checksum: Vec<u8>,
    /// Progress of an unfinished migration; `None` once it has run to its end.
    pub(super) position: Option<Position>,
}

/// Progress of a migration of several statements. MySQL cannot roll DDL back,
/// so each statement is recorded by itself.
///
/// The position is stored as a number in the column `execution_time`, which has
/// its usual meaning only once the migration has succeeded: `-1 - 2 * done`,
/// less one more while the next statement runs. A host that does not know this
/// encoding takes the migration for one that was cut off, and starts it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Number of statements that are done.
    pub(super) done: usize,
    /// True if the next statement had begun and its outcome is unknown.
    pub(super) in_doubt: bool,
}

impl Position {
    pub(super) fn encoded(self) -> i64 {
        let done = i64::try_from(self.done).unwrap_or(i64::MAX / 4);
        -1 - 2 * done - i64::from(self.in_doubt)
    }

    /// Returns the position at which the migration continues: an earlier one,
    /// if the next statement adds a unique key whose columns are to be filled
    /// again.
    fn refilled(self, statements: &[String]) -> Self {
        match refilled_from(statements, self.done) {
            from if from < self.done => Self {
                done: from,
                in_doubt: false,
            },
            _ => self,
        }
    }

    pub(super) fn decoded(number: i64) -> Self {
        let steps = (-1_i64).saturating_sub(number).max(0);
        Self {
            done: usize::try_from(steps / 2).unwrap_or_default(),
            in_doubt: steps % 2 == 1,
        }
    }
}

/// A migration that has not run to its end.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) migration: CheckedMigration,
    /// Position at which the migration continues, if an earlier attempt
    /// recorded one.
    pub(super) position: Option<Position>,
}

/// The migrations that have not run to their end in a database, in order.
#[derive(Debug, Clone, Default)]
pub struct MigrationPlan {
    pub(super) pending: Vec<Pending>,
}

/// A statement of a pending migration, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    /// Name of the migration's file.
    pub file: String,
    /// True if an earlier attempt has run the statement.
    pub is_done: bool,
    /// True if an earlier attempt began the statement and its outcome is
    /// unknown.
    pub is_in_doubt: bool,
    /// Full text of the statement, without comments.
    pub text: String,
}

impl MigrationPlan {
    /// Compares the migrations of a release with the records of the database.
    pub(super) fn new(
        checked: Vec<CheckedMigration>,
        records: &[Record],
        dialect: Dialect,
    ) -> Result<Self, MigrateError> {
        let mut pending = Vec::new();
        for migration in checked {
            let version = migration.version();
            let record = records.iter().find(|record| record.version == version);
            let is_same = record.is_some_and(|record| migration.is(&record.checksum));
            let position = match record {
                Some(Record { position: None, .. }) if is_same => continue,
                Some(Record { position: None, .. }) => {
                    return Err(MigrateError::Failed {
                        dialect: dialect_name(dialect),
                        source: SqlxMigrateError::VersionMismatch(version),
                    });
                }
                // A failed migration may be corrected: another text starts from
                // its beginning.
                Some(record) => record.position.filter(|_| is_same),
                None => None,
            };
            let position = position.map(|position| match dialect {
                Dialect::Mysql => position.refilled(migration.statements()),
                Dialect::Sqlite => position,
            });
            pending.push(Pending {
                migration,
                position,
            });
        }
        Ok(Self { pending })
    }

    /// Returns whether the database is up to date.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Returns the number of statements of the pending migrations.
    #[must_use]
    pub fn statements(&self) -> usize {
        let counts = self.pending.iter();
        counts.map(|one| one.migration.statements().len()).sum()
    }

    /// Returns every statement of the pending migrations, in order.
    #[must_use]
    pub fn listed(&self) -> Vec<PlannedStatement> {
        let of_one = |one: &Pending| {
            let position = one.position.unwrap_or_default();
            let file = one.migration.file().to_owned();
            let texts = one.migration.statements().iter().enumerate();
            let listed = texts.map(move |(index, text)| PlannedStatement {
                file: file.clone(),
                is_done: index < position.done,
                is_in_doubt: position.in_doubt && index == position.done,
                text: text.clone(),
            });
            listed.collect::<Vec<_>>()
        };
        self.pending.iter().flat_map(of_one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_number_that_no_success_has() {
        for done in 0..5 {
            for in_doubt in [false, true] {
                let position = Position { done, in_doubt };
                assert!(position.encoded() < 0);
                assert_eq!(Position::decoded(position.encoded()), position);
            }
        }
        // sqlx's migrator, and so an older host, writes -1 when it begins a
        // migration.
        assert_eq!(Position::decoded(-1), Position::default());
        assert_eq!(Position::decoded(5), Position::default());
    }
}
