//! Leases on scheduled tasks among the nodes of a region: one row of the shared database for each
//! task, changed by one statement.

use std::time::{Duration, Instant};

use super::sql::{DatabaseAccess, Databases, OpenError};
use crate::sql::{Error, Rows, Value};

const TABLE: &str = "edge_schedule";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS edge_schedule ( \
    region VARCHAR(40) NOT NULL, \
    plugin VARCHAR(40) NOT NULL, \
    task VARCHAR(40) NOT NULL, \
    holder VARCHAR(32) NOT NULL, \
    next_at BIGINT NOT NULL, \
    held_until BIGINT NOT NULL, \
    PRIMARY KEY (region, plugin, task))";

const EXISTS: &str = "SELECT 1 FROM edge_schedule WHERE region = ? AND plugin = ? AND task = ?";
const ADD: &str = "INSERT INTO edge_schedule (region, plugin, task, holder, next_at, held_until) \
    VALUES (?, ?, ?, '', 0, 0)";
const GIVE_BACK: &str = "UPDATE edge_schedule SET held_until = 0 \
    WHERE region = ? AND plugin = ? AND task = ? AND holder = ?";

const TAKE: &str = "UPDATE edge_schedule SET holder = ?, next_at = {now} + ?, held_until = {now} + ? \
    WHERE region = ? AND plugin = ? AND task = ? AND next_at <= {now} AND held_until <= {now}";

/// Time limit for one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Leases of one region.
pub struct Leases {
    database: DatabaseAccess,
    region: String,
    /// Random id of this node as a holder of leases.
    holder: String,
}

/// Lease on one run of a task, until it is released or expires.
pub struct Lease<'a> {
    leases: &'a Leases,
    plugin: &'a str,
    task: &'a str,
}

/// Error of using the leases.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The database does not answer.
    #[error("the host's own tables: {0}")]
    Open(#[from] OpenError),
    /// A statement failed.
    #[error("the table {TABLE}: {0:?}")]
    Statement(Error),
}

impl Leases {
    /// Opens the leases of `region`, in the database at `url`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(databases: &Databases, url: &str, region: &str) -> Result<Self, LeaseError> {
        let database = databases.open_own(url, &[TABLE]).await?;
        database
            .create(TABLE, CREATE)
            .await
            .map_err(LeaseError::Statement)?;
        Ok(Self {
            database,
            region: region.to_owned(),
            holder: format!("{:032x}", rand::random::<u128>()),
        })
    }

    /// Creates the row of a task, if it does not exist.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add(&self, plugin: &str, task: &str) -> Result<(), LeaseError> {
        let key = || self.key(plugin, task).to_vec();
        let deadline = || Instant::now() + STATEMENT_TIMEOUT;
        let found = self.database.query::<Rows>(EXISTS, key(), deadline()).await;
        if !found.map_err(LeaseError::Statement)?.rows.is_empty() {
            return Ok(());
        }
        match self.database.execute(ADD, key(), deadline()).await {
            // Another node has created it meanwhile.
            Ok(_) | Err(Error::Conflict(_)) => Ok(()),
            Err(error) => Err(LeaseError::Statement(error)),
        }
    }

    /// Takes the lease on the next run of a task, for `length` at most, if the run is due and no
    /// node has it. The following run will be due after `every`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take<'a>(
        &'a self,
        plugin: &'a str,
        task: &'a str,
        every: Duration,
        length: Duration,
    ) -> Result<Option<Lease<'a>>, LeaseError> {
        let text = self.database.with_clock(TAKE);
        let mut parameters = vec![
            Value::Text(self.holder.clone()),
            milliseconds(every),
            milliseconds(length),
        ];
        parameters.extend(self.key(plugin, task));
        let taken = self
            .database
            .execute(&text, parameters, Instant::now() + STATEMENT_TIMEOUT)
            .await
            .map_err(LeaseError::Statement)?;
        Ok((taken.rows_affected == 1).then_some(Lease {
            leases: self,
            plugin,
            task,
        }))
    }

    /// Closes the connections to the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn key(&self, plugin: &str, task: &str) -> [Value; 3] {
        [self.region.as_str(), plugin, task].map(|part| Value::Text(part.to_owned()))
    }
}

impl Lease<'_> {
    /// Releases the lease, so that any node can take the next run once it is due.
    ///
    /// # Errors
    /// When the database does not answer: the lease then expires by itself.
    pub async fn give_back(self) -> Result<(), LeaseError> {
        let mut parameters = self.leases.key(self.plugin, self.task).to_vec();
        parameters.push(Value::Text(self.leases.holder.clone()));
        let deadline = Instant::now() + STATEMENT_TIMEOUT;
        let database = &self.leases.database;
        let given = database.execute(GIVE_BACK, parameters, deadline).await;
        given.map(|_| ()).map_err(LeaseError::Statement)
    }
}

fn milliseconds(time: Duration) -> Value {
    Value::Integer(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
