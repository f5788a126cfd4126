//! MariaDB, Redis and OCI registry servers for tests: private to this process, on free loopback
//! ports, and removed with their folders when the process ends, however it ends.
//!
//! Tests share one server of each kind, and each takes a database of its own. A test that stops or
//! pauses a server starts one of its own.

#![warn(unreachable_pub)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test without its server has failed"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests wait for their servers, async or not"
)]

mod authority;
mod database_server;
mod engine;
mod mariadb;
mod mysql;
mod process_guard;
mod prometheus;
mod redis;
mod redis_cluster;
mod registry;
mod server;
#[cfg(test)]
mod tests;

pub use authority::Authority;
pub use database_server::MariaDb;
pub use prometheus::Prometheus;
pub use redis::Redis;
pub use redis_cluster::RedisCluster;
pub use registry::{LOGIN, Registry};
