//! Client of Redis: one server or a cluster, chosen by URL.
//!
//! Nothing here waits for Redis at start, and a broken connection is reestablished automatically:
//! Redis may be down at any time, and only calls that need it fail. If it does not answer, a
//! [`breaker`](super::breaker) opens, whose probes use new connections, since the old one may be
//! open without a peer.

mod connection;
mod errors;
mod eviction;
mod redirect;
mod resend;
mod script;
mod shared;
mod slots;
mod url_list;
mod urls;

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::{Cmd, FromRedisValue, RedisResult, Value};

use connection::Connection;
use errors::{is_from_cluster, is_no_answer, is_unknown_script};
pub use eviction::warn_of_eviction;
use resend::Effect;
pub use script::{Invocation, Script};
use shared::{InFlight, Shared};
use slots::lowest_slots;
pub use url_list::{REDIS_SCHEMES, split_redis_urls};
pub use urls::UrlError;
pub(super) use urls::{Nodes, url_error};

use super::breaker::{Circuit, StoreHealth};
use super::sql::Connections;
use crate::source::Source;

/// Time limit for the peer's kernel to acknowledge data.
const SILENCE: Duration = Duration::from_secs(5);

/// Time limits for Redis, and the limit of its breaker.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Time limit for a connection.
    pub connect: Duration,
    /// Time limit for an answer.
    pub response: Duration,
    /// Consecutive failures that open the breaker.
    pub failures: u32,
}

/// A client of one Redis server or cluster. Clones share its connections.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

impl Redis {
    /// Returns a client of Redis at `urls`: one URL of a server, or of a cluster
    /// (`redis-cluster://`), or several of a cluster's nodes, separated by commas. A server that
    /// proves to be a cluster's node counts as a cluster from then on. Logs call the client `name`.
    /// Connects with the first command. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a URL is malformed.
    pub fn open(urls: impl Into<Source>, name: &str, timeouts: Timeouts) -> Result<Self, UrlError> {
        let source = urls.into();
        // TLS uses the process's default cryptography provider. The call fails if one is installed
        // already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nodes = Nodes::parse(source.text())?;
        let shared = Shared::open(nodes, source, name, timeouts).map_err(url_error)?;
        Ok(Self(Arc::new(shared)))
    }

    /// Returns the connections: one, or one for each node of a cluster that was named; each carries
    /// any number of commands. Commands beyond their number wait for answers, and not for a
    /// connection.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let most = self.0.nodes.nodes.len();
        let commands = self.0.in_flight.load(Ordering::Relaxed);
        let open = match self.0.breaker.circuit() {
            Circuit::Closed => most,
            Circuit::Open => 0,
        };
        let used = commands.min(open);
        Connections {
            used,
            idle: open - used,
            waiting: commands - used,
            most,
        }
    }

    /// Returns the health of Redis.
    #[must_use]
    pub fn health(&self) -> StoreHealth {
        self.0.breaker.health()
    }

    /// Returns the reason for which Redis refuses changes, while it does.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.0.refusals.standing()
    }

    /// Runs a command that only reads. In a cluster, its keys determine the node.
    ///
    /// # Errors
    /// When Redis cannot be reached, takes too long, or refuses.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Read).await
        };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// Runs a command that changes something, once or not at all. After an error of the connection,
    /// it is unknown which.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let sending = |connection: Arc<Connection>| async move {
            connection.send(command, Effect::Change).await
        };
        parsed(self.in_time(Effect::Change, sending).await?)
    }

    /// Checks that Redis answers; in a cluster, that every primary does.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn ping(&self) -> RedisResult<()> {
        // Primaries are asked one by one, since the driver's command to all nodes leaves out those
        // that are down.
        let ping = redis::cmd("PING");
        let primaries = self.primaries().await?;
        let asking = primaries
            .into_iter()
            .map(|slot| self.query_at::<Value>(slot, &ping));
        try_join_all(asking).await?;
        Ok(())
    }

    /// Returns whether keys are spread over several nodes, which the first call asks the server.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn has_many_nodes(&self) -> RedisResult<bool> {
        if !self.0.is_cluster() && !self.0.is_alone.load(Ordering::Relaxed) {
            self.primaries().await?;
        }
        Ok(self.0.is_cluster())
    }

    /// Runs a script, once or not at all, as [`execute`](Self::execute) does.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn run_script<T: FromRedisValue>(&self, script: &Invocation<'_>) -> RedisResult<T> {
        let command = script.by_digest();
        let sending = |connection: Arc<Connection>| {
            let command = &command;
            async move {
                match connection.send(command, Effect::Change).await {
                    Err(error) if is_unknown_script(&error) => {
                        connection.send(&script.by_text(), Effect::Change).await
                    }
                    answer => answer,
                }
            }
        };
        parsed(self.in_time(Effect::Change, sending).await?)
    }

    /// Runs a command that only reads on the primary that holds `slot`, or on the only server
    /// without a cluster.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_at<T: FromRedisValue>(&self, slot: u16, command: &Cmd) -> RedisResult<T> {
        let sending =
            |connection: Arc<Connection>| async move { connection.send_to(slot, command).await };
        parsed(self.in_time(Effect::Read, sending).await?)
    }

    /// Returns the lowest slot of each primary, in order; a single server has slot 0.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn primaries(&self) -> RedisResult<Vec<u16>> {
        let shared = &self.0;
        if !shared.is_cluster() && shared.is_alone.load(Ordering::Relaxed) {
            return Ok(vec![0]);
        }
        let connection = shared.connection.load_full();
        let ranges: RedisResult<Vec<Vec<Value>>> =
            self.query(redis::cmd("CLUSTER").arg("SLOTS")).await;
        match ranges {
            Ok(ranges) => {
                shared.become_cluster(&connection);
                lowest_slots(ranges)
            }
            Err(error) if shared.is_cluster() || is_no_answer(&error) => Err(error),
            // The server is not part of a cluster, or the user is not allowed to ask for more of
            // it.
            Err(_) => {
                shared.is_alone.store(true, Ordering::Relaxed);
                Ok(vec![0])
            }
        }
    }

    /// Runs a command within the time limit, whatever happens to the connection. A command that
    /// found no connection was never sent: it is tried again, since the error may be that of an
    /// earlier attempt to connect.
    async fn in_time<F>(
        &self,
        effect: Effect,
        attempt: impl Fn(Arc<Connection>) -> F,
    ) -> RedisResult<Value>
    where
        F: Future<Output = RedisResult<Value>>,
    {
        let shared = &self.0;
        shared.breaker.admit().map_err(std::io::Error::other)?;
        let _in_flight = InFlight::begin(&shared.in_flight);
        let connection = shared.connection.load_full();
        let attempts = async {
            match attempt(connection.clone()).await {
                Err(error) if error.is_connection_refusal() && connection.is_server() => {
                    attempt(connection.clone()).await
                }
                Err(error) if is_from_cluster(&error) && connection.is_server() => {
                    shared.become_cluster(&connection);
                    attempt(shared.connection.load_full()).await
                }
                outcome => outcome,
            }
        };
        let limit = shared.timeouts.connect + shared.timeouts.response;
        let outcome = match tokio::time::timeout(limit, attempts).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
        };
        shared.learn_from(effect, &outcome, &connection);
        outcome
    }

    /// Records that Redis did not answer, for callers whose time limit is shorter than the
    /// client's.
    pub fn failed(&self, why: &dyn Display) {
        self.0.failed(why);
    }
}

/// Converts an answer to the type that the caller expects.
fn parsed<T: FromRedisValue>(answer: Value) -> RedisResult<T> {
    Ok(T::from_redis_value(answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(1),
        response: Duration::from_secs(1),
        failures: 3,
    };

    #[tokio::test]
    async fn a_wrong_url_is_refused_and_not_quoted() {
        for url in ["", "http://secret@host", "redis://a,", "redis://[secret"] {
            let refusal = Redis::open(url, "a", TIMEOUTS)
                .err()
                .expect(url)
                .to_string();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
