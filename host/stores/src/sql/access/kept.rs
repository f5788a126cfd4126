//! Results of queries that are kept for the requests that follow, since they cost much to find out
//! and little to keep, such as counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::DatabaseAccess;
use crate::sql::guard::Kind;
use crate::sql::rows::{Keyed, PackedRows};
use crate::sql::versions::{ResultVersion, Untracked};
use crate::sql::{Result, Value};

/// Number of results that are kept for one grant.
const MOST: usize = 1024;

/// Size in bytes up to which a result is kept.
const MAX_BYTES: usize = 1024;

/// Time for which a result is kept although no change is known: others may write past all nodes.
const MAX_KEPT: Duration = Duration::from_secs(60);

/// Length in bytes up to which a statement with its parameters has a kept result.
const MAX_KEY_BYTES: usize = 4096;

/// Factor from the time that a query took to the time for which its result is kept where changes
/// cannot be followed: the query takes a fiftieth of one connection's time at most.
const COST_FACTOR: u32 = 50;

/// Results that are kept, by statement and parameters.
pub(super) struct KeptResults(Cache<String, Arc<Kept>>);

/// Rows, their version, and the version that knows the changes of this process alone.
type Answer = (
    PackedRows,
    std::result::Result<ResultVersion, Untracked>,
    Option<ResultVersion>,
);

/// One result, with what tells whether it is still good.
struct Kept {
    rows: PackedRows,
    version: std::result::Result<ResultVersion, Untracked>,
    /// Changes that this process made to the data.
    local: Option<ResultVersion>,
    made: Instant,
    until: Instant,
}

impl KeptResults {
    pub(super) fn new() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Kept {
    fn is_good(&self) -> bool {
        match (&self.version, &self.local) {
            (Ok(version), _) => version.is_current() && self.made.elapsed() < MAX_KEPT,
            (Err(_), Some(local)) => local.is_current() && Instant::now() < self.until,
            (Err(_), None) => Instant::now() < self.until,
        }
    }
}

/// How old the result of a query may be.
#[derive(Debug, Clone, Copy)]
pub struct MaxAge {
    /// Time for which a result may be kept where changes cannot be followed.
    pub kept: Duration,
    /// True if a replica may answer.
    pub may_be_stale: bool,
}

impl DatabaseAccess {
    /// Runs a SELECT, or returns its result from an earlier call: while no change is known that
    /// affects it, or where changes cannot be followed, for fifty times as long as the query took
    /// and `max_age` at most. Returns the version of the result as
    /// [`query_tracked`](Self::query_tracked) does.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn query_kept(
        &self,
        text: &str,
        parameters: Vec<Value>,
        max_age: MaxAge,
        deadline: Instant,
    ) -> Result<(PackedRows, std::result::Result<ResultVersion, Untracked>)> {
        let asks_replica = max_age.may_be_stale && self.replica.is_some();
        let key = format!("{asks_replica} {text} {parameters:?}");
        if let Some(kept) = self.kept.0.get(&key).filter(|kept| kept.is_good()) {
            return Ok((kept.rows.clone(), kept.version.clone()));
        }
        let began = Instant::now();
        let (rows, version, local) = match asks_replica {
            true => {
                let asking = self.query_stale(text, parameters, deadline);
                (asking.await?, Err(Untracked::Replica), None)
            }
            false => self.query_locally(text, parameters, deadline).await?,
        };
        if rows.len() <= MAX_BYTES && key.len() <= MAX_KEY_BYTES {
            let kept = Kept {
                rows: rows.clone(),
                version: version.clone(),
                local,
                made: Instant::now(),
                until: Instant::now() + (began.elapsed() * COST_FACTOR).min(max_age.kept),
            };
            self.kept.0.insert(key, Arc::new(kept));
        }
        Ok((rows, version))
    }

    /// Runs a SELECT, and returns its rows with their version, and with the one that knows the
    /// changes of this process alone.
    async fn query_locally(
        &self,
        text: &str,
        parameters: Vec<Value>,
        deadline: Instant,
    ) -> Result<Answer> {
        let statement = self.guard.check(text, Kind::Query, parameters.len())?;
        let tracked = self.track_locally(&statement);
        let asking = self.ask::<Keyed<PackedRows>>(&statement, parameters.clone(), deadline);
        let rows = asking.await?;
        let local = tracked.map(|tracked| self.version(&tracked, &parameters, &rows));
        let version = self.check_followed().and(local.clone());
        Ok((rows.into_rows(), version, local.ok()))
    }
}
