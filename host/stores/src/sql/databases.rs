//! The databases that a node has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::access::{Database, DatabaseAccess};
use super::budget::Budget;
use super::error::{OpenError, redacted_url};
use super::health::Health;
use super::mysql::Target;
use super::pool::PoolOptions;
use super::replica::Replica;
use super::sqlite::{SqliteDatabase, WriterTurns};
use super::{CallLimits, TableGrant, mysql};
use crate::{source::ValueFiles, sql::Lifetimes};

/// Opens databases.
#[derive(Default)]
pub struct Databases {
    lifetimes: Lifetimes,
    /// The bound of all plugins' connections to servers together.
    budget: Option<Arc<Budget>>,
    writer_turns: WriterTurns,
    /// The files that URLs are in.
    files: ValueFiles,
    /// How each server does, by its URL: all pools on it find out together.
    servers: Mutex<HashMap<String, Arc<Health>>>,
}

impl Databases {
    /// Nothing is open yet. Connections to servers live as long as `lifetimes`
    /// say.
    #[must_use]
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            ..Self::default()
        }
    }

    /// Returns the databases with a bound of so many connections to servers,
    /// those of the host's own included; none without one.
    #[must_use]
    pub fn with_bound(self, total: Option<u32>) -> Self {
        Self {
            budget: total.map(Budget::new),
            ..self
        }
    }

    /// Returns the databases whose users and passwords rotate: URLs that are in
    /// one of `files` are read again for each connection.
    #[must_use]
    pub fn with_files(self, files: ValueFiles) -> Self {
        Self { files, ..self }
    }

    /// Open the database at `url` under `grant`, with a pool of so many
    /// connections.
    ///
    /// # Errors
    /// When the URL is malformed or the database does not answer.
    pub async fn open(
        &self,
        url: &str,
        grant: TableGrant,
        connections: u32,
        limits: CallLimits,
    ) -> Result<DatabaseAccess, OpenError> {
        let pool = self.pool_options(connections);
        self.open_with(url, grant, pool, limits).await
    }

    /// Opens the database at `url` for the host, whose connections plugins
    /// cannot use up.
    pub(super) async fn open_unbounded(
        &self,
        url: &str,
        grant: TableGrant,
        connections: u32,
        limits: CallLimits,
    ) -> Result<DatabaseAccess, OpenError> {
        let pool = PoolOptions {
            max_connections: connections,
            budget: None,
            ..self.pool_options(connections)
        };
        self.open_with(url, grant, pool, limits).await
    }

    async fn open_with(
        &self,
        url: &str,
        grant: TableGrant,
        pool: PoolOptions,
        limits: CallLimits,
    ) -> Result<DatabaseAccess, OpenError> {
        let connections = pool.max_connections;
        let database = if url.starts_with("sqlite:") {
            let turns = &self.writer_turns;
            Database::Sqlite(SqliteDatabase::open(turns, url, &grant, connections).await?)
        } else {
            let target = self.target(url)?;
            let health = self.health(url, &target);
            Database::MySql(mysql::open(url, target, pool, health).await?)
        };
        Ok(DatabaseAccess::new(database, url, grant, limits))
    }

    /// Let queries that may be answered with what was true a moment ago go to
    /// the replica at `url`. It need not answer now. A file has none.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn add_replica(
        &self,
        access: DatabaseAccess,
        url: &str,
        connections: u32,
    ) -> Result<DatabaseAccess, OpenError> {
        let Database::MySql(primary) = &access.database else {
            return Ok(access);
        };
        let target = self.target(url)?;
        let health = self.health(url, &target);
        let database = mysql::open_later(
            target,
            primary.server,
            self.pool_options(connections),
            health,
        );
        Ok(access.with_replica(Replica::new(database, redacted_url(url))))
    }

    fn target(&self, url: &str) -> Result<Target, OpenError> {
        Ok(Target::parse(url)?.reading(self.files.source(url)))
    }

    fn pool_options(&self, connections: u32) -> PoolOptions {
        // Whoever waits for a connection of one's own pool gets the next that
        // is free; whoever waits for the bound has to find an idle one.
        let most = self.budget.as_ref().map_or(u32::MAX, |bound| bound.most());
        PoolOptions {
            max_connections: connections.min(most),
            lifetimes: self.lifetimes,
            budget: self.budget.clone(),
        }
    }

    fn health(&self, url: &str, target: &Target) -> Arc<Health> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let health = servers
            .entry(url.to_owned())
            .or_insert_with(|| Arc::new(Health::new(url, target.clone())));
        health.clone()
    }
}
