//! Table of revocations in the control database. Rows are only added, and deleted once no valid
//! token can be left that they cover. Seconds are those of the database's clock, since the nodes'
//! clocks differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stores::clock::{Asked, SharedClock};
use stores::sql::{Connections, DatabaseAccess, Error, OpenError, Rows, Value};

pub(super) const TABLES: [&str; 1] = ["edge_token_revocation"];

/// Statement in the common dialect of SQLite and MySQL. The second key serves to read new rows.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS edge_token_revocation ( \
    principal_id BIGINT NOT NULL, \
    cutoff BIGINT NOT NULL, \
    PRIMARY KEY (principal_id, cutoff), \
    UNIQUE (cutoff, principal_id))";

const APPEND: &str = "INSERT INTO edge_token_revocation (principal_id, cutoff) VALUES (?, ?)";
const LAST: &str = "SELECT MAX(cutoff), {now} FROM edge_token_revocation WHERE principal_id = ?";
const NEWEST: &str = "SELECT MAX(cutoff), {now} FROM edge_token_revocation";
const PRUNE: &str = "DELETE FROM edge_token_revocation WHERE cutoff < ?";
/// Query of a page of revocations, which begins after the last row of the previous page.
const PAGE: &str = "SELECT principal_id, cutoff FROM edge_token_revocation \
    WHERE cutoff > ? OR (cutoff = ? AND principal_id > ?) \
    ORDER BY cutoff, principal_id LIMIT ?";

/// Rows of one page.
const PAGE_ROWS: usize = 5000;

/// Time limit for one statement.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Error of revoking or checking tokens.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// The control database cannot be opened.
    #[error("the control database: {0}")]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("the control database: {0:?}")]
    Statement(Error),
    /// A row is not in the form that this version writes.
    #[error("the control database: a revocation is unreadable")]
    Unreadable,
    /// Another request has just found that the database does not answer.
    #[error("the control database does not answer")]
    Unanswered,
    /// Too many concurrent revocations of one principal.
    #[error("too many revocations at once")]
    Contention,
}

impl RevocationError {
    /// Returns whether the control database did not answer, so that a retry may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Open(error) => error.is_transient(),
            Self::Statement(error) => matches!(error, Error::Timeout | Error::Unavailable(_)),
            Self::Unanswered => true,
            Self::Unreadable | Self::Contention => false,
        }
    }
}

type Result<T> = std::result::Result<T, RevocationError>;

/// Table of revocations.
pub(super) struct Store {
    database: DatabaseAccess,
    clock: Arc<SharedClock>,
}

/// Last revocation of one or all principals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    /// Last second that is revoked; `None` without a revocation.
    pub(super) cutoff: Option<u64>,
    /// Present second of the database's clock.
    pub(super) now: u64,
}

impl Store {
    pub(super) fn connections(&self) -> (&'static str, Connections) {
        (self.database.system(), self.database.connections())
    }

    /// Creates the table if it does not exist.
    pub(super) async fn create(database: DatabaseAccess, clock: Arc<SharedClock>) -> Result<Self> {
        database
            .create(TABLES[0], CREATE)
            .await
            .map_err(RevocationError::Statement)?;
        Ok(Self { database, clock })
    }

    /// Adds a revocation. Returns false if the principal already has one of this second.
    pub(super) async fn append(&self, principal: i64, cutoff: u64) -> Result<bool> {
        let values = vec![Value::Integer(principal), integer(cutoff)];
        match self.execute(APPEND, values).await {
            Ok(()) => Ok(true),
            Err(RevocationError::Statement(Error::Conflict(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the last revocation of the principal.
    pub(super) async fn last(&self, principal: i64) -> Result<Last> {
        self.read_last(LAST, vec![Value::Integer(principal)]).await
    }

    /// Returns the last revocation of all principals.
    pub(super) async fn newest(&self) -> Result<Last> {
        self.read_last(NEWEST, Vec::new()).await
    }

    async fn read_last(&self, text: &str, values: Vec<Value>) -> Result<Last> {
        let asked = Asked::now();
        let rows = self.query(&self.database.with_clock(text), values).await?;
        let (cutoff, now) = match rows.first().map(Vec::as_slice) {
            Some([Value::Null, Value::Integer(now)]) => (None, *now),
            Some([Value::Integer(cutoff), Value::Integer(now)]) => (Some(*cutoff), *now),
            _ => return Err(RevocationError::Unreadable),
        };
        self.clock.note(asked, now);
        Ok(Last {
            cutoff: cutoff.map(seconds).transpose()?,
            now: seconds(now / 1000)?,
        })
    }

    /// Reads all revocations from `second` on, as pairs of principal and cutoff.
    pub(super) async fn read_since(&self, second: u64) -> Result<Vec<(i64, u64)>> {
        self.read_pages(second, PAGE_ROWS).await
    }

    pub(super) async fn read_pages(
        &self,
        second: u64,
        page_rows: usize,
    ) -> Result<Vec<(i64, u64)>> {
        let mut all = Vec::new();
        let mut after = (second.saturating_sub(1), i64::MAX);
        loop {
            let (cutoff, principal) = after;
            let rows = i64::try_from(page_rows).unwrap_or(i64::MAX);
            let values = vec![
                integer(cutoff),
                integer(cutoff),
                Value::Integer(principal),
                Value::Integer(rows),
            ];
            let rows = self.query(PAGE, values).await?;
            let is_last = rows.len() < page_rows;
            for row in rows {
                let [Value::Integer(principal), Value::Integer(cutoff)] = row.as_slice() else {
                    return Err(RevocationError::Unreadable);
                };
                let cutoff = seconds(*cutoff)?;
                after = (cutoff, *principal);
                all.push((*principal, cutoff));
            }
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Deletes revocations from before `second`.
    pub(super) async fn prune(&self, second: u64) -> Result<()> {
        self.execute(PRUNE, vec![integer(second)]).await
    }

    #[cfg(test)]
    pub(super) async fn close(&self) {
        self.database.close().await;
    }

    async fn query(&self, text: &str, values: Vec<Value>) -> Result<Vec<Vec<Value>>> {
        let found = self
            .database
            .query(text, values, Instant::now() + TIMEOUT)
            .await;
        let rows: Rows = found.map_err(RevocationError::Statement)?;
        Ok(rows.rows)
    }

    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<()> {
        let changed = self
            .database
            .execute(text, values, Instant::now() + TIMEOUT)
            .await;
        changed.map_err(RevocationError::Statement)?;
        Ok(())
    }
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn seconds(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| RevocationError::Unreadable)
}
