//! Replies that nodes keep: sent while they are right, forgotten when their data changes, and never
//! sent to whom they do not belong.

mod freshness;
mod kinds;

use std::sync::Arc;

use crate::catalog::database::Store;
use crate::harness::Reply;
use crate::shop::{Shop, Stores};

/// A shop whose database has one writer: its node.
async fn shop() -> Shop {
    Shop::open(Arc::new(Stores::new(Store::Sqlite)), |_| {}).await
}

/// What the cache did for a request, without its numbers.
fn status(reply: &Reply) -> String {
    let status = reply.header("cache-status").expect("a cached route");
    let parts = status.split("; ").skip(1);
    let parts: Vec<_> = parts.filter(|part| !part.starts_with("ttl=")).collect();
    parts.join("; ")
}
