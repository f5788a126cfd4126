//! Opens the databases of a node, and shares limits and server health among
//! their connection pools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::replica::Replica;
use super::{Database, DatabaseAccess};
use crate::lock::lock;
use crate::source::ValueFiles;
use crate::sql::error::{OpenError, redacted_url};
use crate::sql::guard::TableGrant;
use crate::sql::mysql::{self, Budget, Health, PoolOptions, Target};
use crate::sql::sqlite::{SqliteDatabase, WriterPermits};
use crate::sql::versions::Versions;
use crate::sql::{CallLimits, Lifetimes};

/// Factory for database access, with the state that all databases of a node
/// share.
#[derive(Default)]
pub struct Databases {
    lifetimes: Lifetimes,
    /// Limit on the connections to servers that all plugins have together; none
    /// if the setting is absent.
    budget: Option<Arc<Budget>>,
    writer_permits: WriterPermits,
    /// Files from which settings read database URLs.
    files: ValueFiles,
    /// Health of each server by URL, shared by all pools that use the URL.
    servers: Mutex<HashMap<String, Arc<Health>>>,
    /// Versions of each database, shared by all pools that use it.
    versions: Mutex<HashMap<String, Arc<Versions>>>,
}

impl Databases {
    /// Returns a factory without open databases. Connections to servers are
    /// closed as `lifetimes` specifies.
    #[must_use]
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self {
            lifetimes,
            ..Self::default()
        }
    }

    /// Limits the connections to servers to `total` for the node, including
    /// those of the host itself; no limit if `None`.
    #[must_use]
    pub fn with_bound(self, total: Option<u32>) -> Self {
        Self {
            budget: total.map(Budget::new),
            ..self
        }
    }

    /// Sets the files from which URLs are read. A URL that is in one of `files`
    /// is read again for each new connection, so that users and passwords can
    /// rotate.
    #[must_use]
    pub fn with_files(self, files: ValueFiles) -> Self {
        Self { files, ..self }
    }

    /// Opens the database at `url` within `grant`, with a pool of at most
    /// `connections` connections.
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

    /// Opens the database at `url` for the host itself, outside the limit that
    /// plugins share, so that plugins cannot exhaust its connections.
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
            let permits = &self.writer_permits;
            Database::Sqlite(SqliteDatabase::open(permits, url, &grant, connections).await?)
        } else {
            let target = self.target(url)?;
            let health = self.health(url, &target);
            Database::MySql(mysql::open(url, target, pool, health).await?)
        };
        let versions = self.versions(&database, url);
        Ok(DatabaseAccess::new(database, url, grant, limits, versions))
    }

    /// Adds the replica at `url`, which then answers queries that may be
    /// slightly stale. It need not be reachable yet. Has no effect on a file.
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
        // A pool larger than the shared limit would make requests wait for the
        // limit, which has to find an idle connection, instead of for the pool,
        // which hands over the next free one.
        let most = self.budget.as_ref().map_or(u32::MAX, |bound| bound.most());
        PoolOptions {
            max_connections: connections.min(most),
            lifetimes: self.lifetimes,
            budget: self.budget.clone(),
        }
    }

    fn versions(&self, database: &Database, url: &str) -> Arc<Versions> {
        let name = match database {
            Database::Sqlite(sqlite) => {
                let file = sqlite.file();
                let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
                file.to_string_lossy().into_owned()
            }
            Database::MySql(_) => url.to_owned(),
        };
        let versions = lock(&self.versions).entry(name).or_default().clone();
        if let Database::Sqlite(sqlite) = database {
            versions.notice(sqlite.watch().clone());
        }
        versions
    }

    fn health(&self, url: &str, target: &Target) -> Arc<Health> {
        let mut servers = lock(&self.servers);
        let health = servers
            .entry(url.to_owned())
            .or_insert_with(|| Arc::new(Health::new(url, target.clone())));
        health.clone()
    }
}
