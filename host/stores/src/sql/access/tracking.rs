//! Queries whose results can be kept until the data that they depend on changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::{Database, DatabaseAccess, PING_TIMEOUT, within};
use crate::sql::guard::{Change, Checked, Kind, ReadShape, Shape, folded};
use crate::sql::rows::{Form, Keyed};
use crate::sql::versions::{
    PendingChanges, ResultVersion, SchemaFacts, ShapeId, Untracked, Versions,
};
use crate::sql::{Result, Value};

/// A query that is about to be asked, with all that its result may depend on tracked.
pub(super) struct TrackedQuery<'a> {
    shape: &'a ReadShape,
    schema: Arc<SchemaFacts>,
    ids: Vec<ShapeId>,
    since: u64,
}

impl DatabaseAccess {
    /// Reads what the schema says about following changes, which has to be done before the results
    /// of queries can be kept. Changes of the schema by migrations come before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_schema(&self) -> Result<()> {
        let deadline = Instant::now() + PING_TIMEOUT;
        let grant = self.grant();
        let tables = grant.read.union(&grant.write);
        let tables = tables.map(|table| folded(table, self.dialect()).into_owned());
        // Those of other grants too, which a migration of this one may concern.
        let known = self.versions.schema().tables();
        let tables: BTreeSet<_> = tables.chain(known).collect();
        let tables = tables.into_iter().collect();
        let facts = match &self.database {
            Database::Sqlite(sqlite) => within(deadline, sqlite.schema_facts(tables)).await?,
            Database::MySql(mysql) => mysql.schema_facts(tables, deadline).await?,
        };
        self.versions.learn(facts);
        Ok(())
    }

    /// Returns the versions of the database, which all grants on it share.
    #[must_use]
    pub fn versions(&self) -> &Arc<Versions> {
        &self.versions
    }

    /// Runs a SELECT and returns its rows in the form `F`, with their version; or why changes of
    /// the result cannot be followed.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn query_tracked<F: Form>(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<(F, std::result::Result<ResultVersion, Untracked>)> {
        let statement = self.guard.check(text, Kind::Query, parameters.len())?;
        let tracked = match self.track(&statement) {
            Ok(tracked) => tracked,
            Err(reason) => {
                let rows = self.ask(&statement, parameters, deadline).await?;
                return Ok((rows, Err(reason)));
            }
        };
        let asking = self.ask::<Keyed<F>>(&statement, parameters.clone(), deadline);
        let rows = asking.await?;
        let version = self.version(&tracked, &parameters, &rows);
        Ok((rows.into_rows(), Ok(version)))
    }

    /// Tracks all that the result of a query may depend on, and notes the clock.
    fn track<'a>(
        &self,
        statement: &'a Checked,
    ) -> std::result::Result<TrackedQuery<'a>, Untracked> {
        self.check_followed()?;
        self.track_locally(statement)
    }

    /// Checks that the changes of others to the database are known.
    pub(super) fn check_followed(&self) -> std::result::Result<(), Untracked> {
        match self.database {
            Database::Sqlite(_) => Ok(()),
            Database::MySql(_) => Err(Untracked::NoChangeLog),
        }
    }

    /// Tracks the changes of this process to what the result of a query may depend on.
    pub(super) fn track_locally<'a>(
        &self,
        statement: &'a Checked,
    ) -> std::result::Result<TrackedQuery<'a>, Untracked> {
        let Shape::Read(shape) = &*statement.shape else {
            return Err(Untracked::Volatile);
        };
        if !shape.is_repeatable {
            return Err(Untracked::Volatile);
        }
        // Noted first, so that a schema that is learned meanwhile invalidates the result.
        let since = self.versions.now();
        let schema = self.versions.schema();
        let ids = shape.tables.iter().map(|read| {
            schema.check(&read.table)?;
            self.versions.track(read)
        });
        Ok(TrackedQuery {
            shape,
            ids: ids.collect::<std::result::Result<_, _>>()?,
            schema,
            since,
        })
    }

    pub(super) fn version<F: Form>(
        &self,
        tracked: &TrackedQuery<'_>,
        parameters: &[Value],
        rows: &Keyed<F>,
    ) -> ResultVersion {
        let (keys, key) = (&tracked.schema.keys, |row, column| rows.key(row, column));
        let dependencies = (tracked.shape).dependencies(parameters, rows.count(), keys, key);
        let ids = tracked.ids.iter().copied();
        ResultVersion::new(self.versions.clone(), tracked.since, ids.zip(&dependencies))
    }

    pub(super) fn pending_changes(&self) -> Arc<PendingChanges> {
        PendingChanges::new(self.versions.clone())
    }

    /// Returns what a checked statement may change.
    pub(super) fn changes(&self, statement: &Checked, parameters: &[Value]) -> Vec<Change> {
        let Shape::Write(shape) = &*statement.shape else {
            return Vec::new();
        };
        let schema = self.versions.schema();
        let changes = shape.changes(parameters, &schema.keys).into_iter();
        changes.map(|change| schema.complete(change)).collect()
    }
}
