//! Redirects of a cluster: a node's answer that names the node which has a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, RedisError, RedisResult, Value,
};

use super::{Nodes, Timeouts};

use crate::lock::lock;

/// Time for which a connection is used: the driver soon learns by itself which node has a key, and
/// the peer of an old connection may be gone.
const LIFETIME: Duration = Duration::from_secs(1);

/// Redirect to the node that has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    host: String,
    port: u16,
    /// True if the key's slot is being migrated there, so that the node answers only after
    /// `ASKING`.
    is_asking: bool,
}

impl Redirect {
    /// Returns the redirect of `error`; `None` if it names no address, or one without a host.
    pub(super) fn parse(error: &RedisError) -> Option<Self> {
        let (address, _) = error.redirect_node()?;
        let (host, port) = address.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let is_named = !host.is_empty() && host != "?";
        is_named.then(|| Self {
            host: host.to_owned(),
            port,
            is_asking: error.code() == Some("ASK"),
        })
    }
}

/// Connections to the nodes that redirects have named recently. The driver has connections of its
/// own, but none to a node that takes over its first slot.
pub(super) struct Redirected {
    nodes: Nodes,
    timeouts: Timeouts,
    open: Mutex<HashMap<Place, Arc<Slot>>>,
}

/// Host and port of a node.
type Place = (String, u16);

/// A connection and its creation time. Locked while one is made, so that concurrent redirects to a
/// node share it.
type Slot = tokio::sync::Mutex<Option<(MultiplexedConnection, Instant)>>;

impl Redirected {
    pub(super) fn new(nodes: Nodes, timeouts: Timeouts) -> Self {
        Self {
            nodes,
            timeouts,
            open: Mutex::default(),
        }
    }

    /// Returns a connection to the node that `redirect` names.
    ///
    /// # Errors
    /// When there is no connection; nothing was sent then.
    pub(super) async fn connect(&self, redirect: &Redirect) -> RedisResult<MultiplexedConnection> {
        let place = (redirect.host.clone(), redirect.port);
        let slot = self.slot(&place);
        let mut slot = slot.lock().await;
        if let Some((connection, made)) = &*slot
            && made.elapsed() < LIFETIME
        {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeouts.connect))
            .set_response_timeout(Some(self.timeouts.response));
        let client = self.client(&place)?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let connection = connecting.await?;
        *slot = Some((connection.clone(), Instant::now()));
        Ok(connection)
    }

    /// Returns the slot of a node. Slots of nodes that are no longer named are dropped.
    fn slot(&self, place: &Place) -> Arc<Slot> {
        let mut open = lock(&self.open);
        let is_used = |slot: &Arc<Slot>| {
            slot.try_lock().map_or(true, |slot| {
                slot.as_ref()
                    .is_some_and(|(_, made)| made.elapsed() < LIFETIME)
            })
        };
        open.retain(|other, slot| other == place || is_used(slot));
        open.entry(place.clone()).or_default().clone()
    }

    /// Returns a client of another node, with the login and TLS settings of the first one.
    fn client(&self, (host, port): &Place) -> RedisResult<Client> {
        let unknown = || RedisError::from((ErrorKind::InvalidClientConfig, "no node"));
        let first = self.nodes.nodes.first().ok_or_else(unknown)?.clone();
        let address = match first.addr() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.clone(), *port),
        };
        self.nodes.client(first.set_addr(address))
    }
}

/// Sends a command to the node that a redirect named.
pub(super) async fn send(
    connection: &mut MultiplexedConnection,
    redirect: &Redirect,
    command: &Cmd,
) -> RedisResult<Value> {
    if !redirect.is_asking {
        let answer = connection.req_packed_command(command).await?;
        return answer.extract_error();
    }
    // Both are sent in one piece, since the connection is shared and `ASKING` applies to the next
    // command only.
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").add_command(command.clone());
    let answers = connection.req_packed_commands(&pipeline, 0, 2).await?;
    let malformed = || RedisError::from((ErrorKind::UnexpectedReturnType, "ASKING"));
    let answer = answers.into_iter().nth(1).ok_or_else(malformed)?;
    answer.extract_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(answer: &str) -> Option<Redirect> {
        let value = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        let error = value.expect("an answer").extract_error();
        Redirect::parse(&error.expect_err(answer))
    }

    #[test]
    fn the_address_is_the_one_that_the_node_names() {
        let to = |host: &str, port, is_asking| Redirect {
            host: host.to_owned(),
            port,
            is_asking,
        };
        assert_eq!(redirect("MOVED 1 a.b:7000"), Some(to("a.b", 7000, false)));
        assert_eq!(redirect("ASK 1 10.0.0.1:1"), Some(to("10.0.0.1", 1, true)));
        assert_eq!(redirect("MOVED 1 ::1:7000"), Some(to("::1", 7000, false)));
        for nowhere in ["MOVED 1 :7000", "MOVED 1 ?:7000", "MOVED 1", "ERR x"] {
            assert_eq!(redirect(nowhere), None, "{nowhere}");
        }
    }
}
