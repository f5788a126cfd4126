//! Opens databases on MySQL servers.

use std::sync::Arc;

use sqlx::Connection;

use super::database::MySqlDatabase;
use super::health::Health;
use super::pool::{Pool, PoolOptions};
use super::server::{Facts, Server};
use super::target::Target;
use crate::sql::error::no_connection::{ACQUIRE_TIMEOUT, NoConnection};
use crate::sql::error::{OpenError, redacted_url};

/// Opens a pool with the options `pool` on `url`, to the server that `health`
/// describes.
pub(in crate::sql) async fn open(
    url: &str,
    target: Target,
    pool: PoolOptions,
    health: Arc<Health>,
) -> std::result::Result<MySqlDatabase, OpenError> {
    let fail = |source: sqlx::Error| {
        let (url, advice) = (redacted_url(url), target.advice(&source));
        let source = source.into();
        match advice {
            None => OpenError::Connect { url, source },
            Some(advice) => OpenError::Refused {
                url,
                source,
                advice,
            },
        }
    };
    // A pool waits for a server that refuses connections, which may be
    // starting, and then reports only that it waited. A single connection
    // reports the reason.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, first_contact(&target)).await;
    let facts = first
        .map_err(|_| {
            let why = "the server did not answer".to_owned();
            fail(NoConnection::NotMade { why }.into())
        })?
        .map_err(fail)?;
    let server = facts.check().map_err(|source| OpenError::Unsupported {
        url: redacted_url(url),
        source,
    })?;
    Ok(open_later(target, server, pool, health))
}

/// Reads the server's version and limits, before anything is sent that it may
/// be too old for.
async fn first_contact(target: &Target) -> sqlx::Result<Facts> {
    let mut first = target.connect_raw().await?;
    let facts = Facts::read(&mut first).await?;
    if facts.check().is_ok() {
        target.prepare(&mut first).await?;
    }
    first.close().await?;
    Ok(facts)
}

/// Opens a pool to a server of a known kind, which need not be reachable yet.
pub(in crate::sql) fn open_later(
    target: Target,
    server: Server,
    pool: PoolOptions,
    health: Arc<Health>,
) -> MySqlDatabase {
    MySqlDatabase {
        pool: Pool::new(target, server, pool, health.clone()),
        server,
        health,
    }
}
