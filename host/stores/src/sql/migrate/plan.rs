//! Which migrations are pending in a database, and where the first of them goes
//! on.

use sqlx::migrate::MigrateError as SqlxMigrateError;

use super::{MigrateError, dialect_name};
use crate::sql::Dialect;
use crate::sql::adopt::refilled_from;
use crate::sql::checked_migration::CheckedMigration;

/// What a database has recorded of one migration.
#[derive(Debug, Clone)]
pub(in crate::sql) struct Record {
    pub(in crate::sql) version: i64,
    pub(in crate::sql) checksum: Vec<u8>,
    /// How far it is; `None` once it has run to its end.
    pub(in crate::sql) position: Option<Position>,
}

/// How far a migration of several statements is. MySQL undoes no change of a
/// table, so each statement is recorded by itself.
///
/// The record is a number in the column `execution_time`, which means something
/// else only once the migration has succeeded: `-1 - 2 * done`, less one more
/// while the next statement runs. A host that knows nothing of it takes the
/// migration for one that was cut off, and begins it anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sql) struct Position {
    /// Statements that are done.
    pub(in crate::sql) done: usize,
    /// Whether the next statement had begun, and nobody knows how it ended.
    pub(in crate::sql) in_doubt: bool,
}

impl Position {
    pub(in crate::sql) fn encoded(self) -> i64 {
        let done = i64::try_from(self.done).unwrap_or(i64::MAX / 4);
        -1 - 2 * done - i64::from(self.in_doubt)
    }

    /// Returns where the migration goes on: earlier, if the next statement is a
    /// unique key whose columns are to be filled again.
    fn refilled(self, statements: &[String]) -> Self {
        match refilled_from(statements, self.done) {
            from if from < self.done => Self {
                done: from,
                in_doubt: false,
            },
            _ => self,
        }
    }

    pub(in crate::sql) fn decoded(number: i64) -> Self {
        let steps = (-1_i64).saturating_sub(number).max(0);
        Self {
            done: usize::try_from(steps / 2).unwrap_or_default(),
            in_doubt: steps % 2 == 1,
        }
    }
}

/// A migration that has not run to its end.
#[derive(Debug, Clone)]
pub(in crate::sql) struct Pending {
    pub(in crate::sql) migration: CheckedMigration,
    /// Where it goes on, if an earlier attempt has recorded that.
    pub(in crate::sql) position: Option<Position>,
}

/// The migrations that have not run to their end in a database, in order.
#[derive(Debug, Clone, Default)]
pub struct MigrationPlan {
    pub(in crate::sql) pending: Vec<Pending>,
}

/// A statement of a pending migration, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    /// The name of its file.
    pub file: String,
    /// Whether an earlier attempt has run it.
    pub is_done: bool,
    /// Whether an earlier attempt began it, and nobody knows how it ended.
    pub is_in_doubt: bool,
    /// The whole text, without comments.
    pub text: String,
}

impl MigrationPlan {
    /// Compares the migrations of a release with what the database has recorded.
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
                // One that failed may be mended: another text begins anew.
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

    /// Whether the database is up to date.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many statements the pending migrations have.
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
        // What sqlx's migrator, and so an older host, writes at the beginning.
        assert_eq!(Position::decoded(-1), Position::default());
        assert_eq!(Position::decoded(5), Position::default());
    }
}
