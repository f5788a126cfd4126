//! Databases on MySQL and MariaDB servers.

mod database;
mod decode;
mod failed;
mod health;
mod login;
mod open;
mod pool;
mod pooled_connection;
mod schema_facts;
mod server;
mod session;
mod statement;
mod statement_timeout;
mod target;
mod transaction;
mod url;

pub(super) use database::MySqlDatabase;
pub(super) use health::Health;
pub(super) use open::{open, open_later};
pub(super) use pool::{Budget, PoolOptions};
pub(super) use server::Server;
pub use session::{mysql_session, mysql_session_checks};
pub(super) use target::Target;
pub(super) use transaction::MySqlTransaction;
