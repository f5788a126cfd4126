//! Where a node keeps its data while it is measured.

use std::path::Path;

use anyhow::Context;

use test_servers::{MariaDb, Redis};

/// Where a shop has its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Nowhere: it has none.
    None,
    /// In SQLite, and buckets in a file too.
    Sqlite,
    /// In MariaDB.
    MariaDb,
    /// In MariaDB, and buckets in Redis.
    MariaDbAndRedis,
}

/// The servers and files of one store, until they are dropped.
pub struct Open {
    /// URL of the database.
    pub database: Option<String>,
    /// URL of the buckets, where they are not the node's own.
    pub redis: Option<String>,
    _servers: (Option<MariaDb>, Option<Redis>),
}

impl Store {
    /// Start what it needs, for a node with its files in `data`.
    pub fn open(self, data: &Path) -> anyhow::Result<Open> {
        let mariadb = match self {
            Self::MariaDb | Self::MariaDbAndRedis => Some(MariaDb::start().context("MariaDB")?),
            Self::None | Self::Sqlite => None,
        };
        let redis = match self {
            Self::MariaDbAndRedis => Some(Redis::start().context("Redis")?),
            Self::None | Self::Sqlite | Self::MariaDb => None,
        };
        let file = || format!("sqlite://{}", data.join("shop.sqlite").display());
        Ok(Open {
            database: match self {
                Self::None => None,
                Self::Sqlite => Some(file()),
                Self::MariaDb | Self::MariaDbAndRedis => mariadb.as_ref().map(MariaDb::database),
            },
            redis: redis.as_ref().map(Redis::database),
            _servers: (mariadb, redis),
        })
    }
}
