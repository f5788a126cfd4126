//! Key-value store in a file of the node's own: SQLite in WAL mode, with one writer and several
//! readers.
//!
//! An acknowledged write survives the death of the process. After a power failure, writes of the
//! last moments may be lost, as in a Redis that syncs each second; that is what makes writes cheap.

mod purge;
mod statements;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::{SqlitePool, SqliteSynchronous};

use self::purge::Purge;
use super::key::{Key, Space};
use super::{Error, OpenError, PAGE, Page, Result, Swap};
use crate::refusals::Refusals;
use crate::sql::{SqliteFile, sqlite_refusal_code};

/// Time limit for a call; another process may be writing.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections that read.
const READERS: u32 = 4;

/// Expiry of a value without a time to live, in milliseconds since 1970.
const NEVER: i64 = i64::MAX;

/// Buckets in one file.
#[derive(Clone)]
pub(super) struct EmbeddedStore {
    database: SqliteFile,
    purge: Arc<Purge>,
    refusals: Arc<Refusals>,
}

impl EmbeddedStore {
    pub(super) async fn open(file: &Path) -> std::result::Result<Self, OpenError> {
        let database = SqliteFile::open_file(file, READERS, SqliteSynchronous::Normal).await?;
        for statement in statements::SCHEMA {
            let made = sqlx::query(statement).execute(&database.writer).await;
            made.map_err(OpenError::Schema)?;
        }
        let purge = Arc::new(Purge::start(database.writer.clone()));
        let refusals = Arc::new(Refusals::new("the file of the buckets"));
        Ok(Self {
            database,
            purge,
            refusals,
        })
    }

    pub(super) async fn ping(&self) -> Result<()> {
        within(sqlx::query("SELECT 1").execute(self.readers())).await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.purge.stop();
        self.database.readers.close().await;
        self.database.writer.close().await;
    }

    /// Returns the reason for which the file refuses changes, while it does.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusals.standing()
    }

    /// Makes a change, and records whether the file accepts it.
    async fn change<T>(&self, work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
        let observed = async {
            let done = work.await;
            match &done {
                Ok(_) => self.refusals.succeeded(),
                Err(error) => self.note(error),
            }
            done
        };
        within(observed).await
    }

    fn note(&self, error: &sqlx::Error) {
        if let Some(code) = sqlite_refusal_code(error) {
            self.refusals.refused(&code.to_string(), error);
        }
    }

    fn readers(&self) -> &SqlitePool {
        &self.database.readers
    }

    fn writer(&self) -> &SqlitePool {
        &self.database.writer
    }

    pub(super) async fn get(&self, space: &Space, key: Key<'_>) -> Result<Option<Vec<u8>>> {
        let value = sqlx::query_scalar(statements::GET)
            .bind(space.as_str())
            .bind(key.as_str())
            .bind(now());
        within(value.fetch_optional(self.readers())).await
    }

    pub(super) async fn set(
        &self,
        space: &Space,
        key: Key<'_>,
        value: &[u8],
        ttl: Option<i64>,
    ) -> Result<()> {
        let written = sqlx::query(statements::SET)
            .bind(space.as_str())
            .bind(key.as_str())
            .bind(value)
            .bind(expiry(now(), ttl));
        self.change(written.execute(self.writer())).await?;
        Ok(())
    }

    pub(super) async fn exists(&self, space: &Space, key: Key<'_>) -> Result<bool> {
        let found = sqlx::query_scalar::<_, i64>(statements::EXISTS)
            .bind(space.as_str())
            .bind(key.as_str())
            .bind(now());
        let found = within(found.fetch_optional(self.readers())).await?;
        Ok(found.is_some())
    }

    pub(super) async fn get_many(
        &self,
        space: &Space,
        keys: &[Key<'_>],
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(space, *key).await?);
        }
        Ok(values)
    }

    pub(super) async fn set_many(
        &self,
        space: &Space,
        entries: &[(Key<'_>, &[u8])],
        ttl: Option<i64>,
    ) -> Result<()> {
        for (key, value) in entries {
            self.set(space, *key, value, ttl).await?;
        }
        Ok(())
    }

    pub(super) async fn delete_many(&self, space: &Space, keys: &[Key<'_>]) -> Result<()> {
        for key in keys {
            let deleted = sqlx::query(statements::DELETE)
                .bind(space.as_str())
                .bind(key.as_str());
            self.change(deleted.execute(self.writer())).await?;
        }
        Ok(())
    }

    /// Returns a page of keys. The cursor is the last key of the previous page.
    pub(super) async fn list_keys(&self, space: &Space, cursor: Option<&str>) -> Result<Page> {
        let after = match cursor {
            None => "",
            Some(text) => Key::new(text).map_err(|_| Error::InvalidCursor)?.as_str(),
        };
        let keys = sqlx::query_scalar(statements::LIST)
            .bind(space.as_str())
            .bind(after)
            .bind(now())
            .bind(PAGE);
        let keys: Vec<String> = within(keys.fetch_all(self.readers())).await?;
        let is_full = keys.len() == PAGE as usize;
        let cursor = keys.last().filter(|_| is_full).cloned();
        Ok(Page { keys, cursor })
    }

    pub(super) async fn increment(
        &self,
        space: &Space,
        key: Key<'_>,
        delta: i64,
        ttl: Option<i64>,
    ) -> Result<i64> {
        let now = now();
        let sum = sqlx::query_scalar::<_, i64>(statements::INCREMENT)
            .bind(space.as_str())
            .bind(key.as_str())
            .bind(delta)
            .bind(expiry(now, ttl))
            .bind(now);
        let sum = self.change(sum.fetch_optional(self.writer())).await?;
        sum.ok_or(Error::NotANumber)
    }

    pub(super) async fn swap(
        &self,
        space: &Space,
        key: Key<'_>,
        old: Option<&[u8]>,
        new: &[u8],
        ttl: Option<i64>,
    ) -> Result<Swap> {
        let now = now();
        let statement = match old {
            None => sqlx::query(statements::SWAP_NOTHING),
            Some(_) => sqlx::query(statements::SWAP),
        };
        let mut swapped = statement
            .bind(space.as_str())
            .bind(key.as_str())
            .bind(new)
            .bind(expiry(now, ttl))
            .bind(now);
        if let Some(old) = old {
            swapped = swapped.bind(old);
        }
        let done = self.change(swapped.execute(self.writer())).await?;
        if done.rows_affected() == 1 {
            return Ok(Swap::Done);
        }
        Ok(Swap::Lost(self.get(space, key).await?))
    }
}

/// Returns milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = since.unwrap_or_default().as_millis();
    i64::try_from(milliseconds).unwrap_or(NEVER - 1)
}

fn expiry(now: i64, ttl: Option<i64>) -> i64 {
    ttl.map_or(NEVER, |ttl| now.saturating_add(ttl))
}

async fn within<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
    match tokio::time::timeout(CALL_TIMEOUT, work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Error::Timeout),
    }
}
