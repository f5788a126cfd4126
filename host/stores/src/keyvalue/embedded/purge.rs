//! Background deletion of expired values.

use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::task::JoinHandle;

use super::{now, statements};

/// Time between two searches for expired values.
const PAUSE: Duration = Duration::from_secs(30);

/// Most rows that one statement deletes, so that no write waits long for it.
const BATCH: u32 = 500;

/// The background task, which ends when this is dropped.
pub(super) struct Purge(JoinHandle<()>);

impl Purge {
    pub(super) fn start(writer: SqlitePool) -> Self {
        Self(tokio::spawn(async move {
            loop {
                if let Err(error) = purge(&writer).await {
                    tracing::warn!(%error, "ended values cannot be deleted; trying again later");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }))
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Purge {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Deletes in batches until few expired rows are left; other writes run in between.
async fn purge(writer: &SqlitePool) -> sqlx::Result<()> {
    loop {
        let batch = sqlx::query(statements::PURGE).bind(now()).bind(BATCH);
        let deleted = batch.execute(writer).await?.rows_affected();
        if deleted < u64::from(BATCH) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteSynchronous;

    use super::*;
    use crate::sql::SqliteFile;

    const ROW: &str =
        "INSERT INTO entries (space, key, value, expires) VALUES ('s', ?1, x'00', ?2)";

    #[tokio::test]
    async fn only_ended_values_are_deleted_however_many_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keyvalue.sqlite");
        let opened = SqliteFile::open_file(&file, 1, SqliteSynchronous::Off).await;
        let writer = opened.expect("a file").writer;
        for statement in statements::SCHEMA {
            let made = sqlx::query(statement).execute(&writer).await;
            made.expect("a table");
        }
        let now = now();
        for number in 0..u64::from(BATCH) * 2 + 1 {
            let row = sqlx::query(ROW).bind(number.to_string()).bind(now - 1);
            row.execute(&writer).await.expect("a row");
        }
        let row = sqlx::query(ROW).bind("living").bind(now + 60_000);
        row.execute(&writer).await.expect("a row");
        purge(&writer).await.expect("done");
        let left = sqlx::query_scalar::<_, String>("SELECT key FROM entries");
        assert_eq!(left.fetch_all(&writer).await.expect("rows"), ["living"]);
    }
}
