//! A connection to one server, or to all nodes of a cluster.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Client, Cmd, ProtocolVersion, RedisResult, Value};

use super::redirect::{self, Redirect, Redirected};
use super::resend::Effect;
use super::urls::tcp_settings;
use super::{Nodes, Timeouts};

/// Commands in flight at a time; further ones wait in the host.
const COMMANDS_AT_ONCE: usize = 1024;

/// Times that a command is sent again to a cluster, after the first time.
const RESENDS: u32 = 5;

/// Pause before a command is sent again to a cluster without a redirect.
const RESEND_WAIT: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub(super) enum Connection {
    Server(ConnectionManager),
    Cluster(Cluster),
}

/// Connections to a cluster's nodes: those that the driver knows, and those that redirects name.
#[derive(Clone)]
pub(super) struct Cluster {
    driver: ClusterConnection,
    redirected: Arc<Redirected>,
}

impl Connection {
    /// Starts to connect, without waiting.
    pub(super) fn open(nodes: &Nodes, is_cluster: bool, timeouts: Timeouts) -> RedisResult<Self> {
        match is_cluster {
            true => Cluster::open(nodes, timeouts).map(Self::Cluster),
            false => open_server(nodes.first()?, timeouts).map(Self::Server),
        }
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// Sends a command; in a cluster, its keys determine the node.
    pub(super) async fn send(&self, command: &Cmd, effect: Effect) -> RedisResult<Value> {
        match self {
            Self::Server(server) => {
                let answer = server.clone().req_packed_command(command).await?;
                answer.extract_error()
            }
            Self::Cluster(cluster) => cluster.send(command, None, effect).await,
        }
    }

    /// Sends a command that reads to the primary that holds `slot`.
    pub(super) async fn send_to(&self, slot: u16, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(_) => self.send(command, Effect::Read).await,
            Self::Cluster(cluster) => {
                let route = Route::new(slot, SlotAddr::Master);
                let node = SingleNodeRoutingInfo::SpecificNode(route);
                let routing = RoutingInfo::SingleNode(node);
                cluster.send(command, Some(routing), Effect::Read).await
            }
        }
    }

    /// Checks that Redis answers: in a cluster any node, since one that is down must not make the
    /// keys of all others unavailable.
    pub(super) async fn ping(&self) -> RedisResult<()> {
        let ping = redis::cmd("PING");
        match self {
            Self::Server(_) => self.send(&ping, Effect::Read).await?,
            Self::Cluster(cluster) => {
                let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                cluster.send(&ping, Some(any), Effect::Read).await?
            }
        };
        Ok(())
    }
}

impl Cluster {
    fn open(nodes: &Nodes, timeouts: Timeouts) -> RedisResult<Self> {
        let builder = ClusterClient::builder(nodes.nodes.clone())
            .use_protocol(ProtocolVersion::RESP3)
            .tcp_settings(tcp_settings())
            // The driver would resend any command after a broken connection, also changes.
            .retries(0);
        let builder = match &nodes.certificates {
            None => builder,
            Some(certificates) => builder.certs(certificates.clone()),
        };
        let config = ClusterConfig::new()
            .set_connection_timeout(timeouts.connect)
            .set_response_timeout(timeouts.response);
        let driver = builder.build()?;
        Ok(Self {
            driver: driver.get_pending_async_connection_with_config(config),
            redirected: Arc::new(Redirected::new(nodes.clone(), timeouts)),
        })
    }

    /// Sends a command, and resends it if its effect allows that: to the node that a redirect
    /// names, or else by `routing`, or by the command's keys.
    async fn send(
        &self,
        command: &Cmd,
        routing: Option<RoutingInfo>,
        effect: Effect,
    ) -> RedisResult<Value> {
        let mut redirect = None;
        let mut resends = 0;
        loop {
            let answer = self.send_once(command, routing.as_ref(), redirect.as_ref());
            let answer = answer.await;
            match answer {
                Err(error) if resends < RESENDS && effect.allows_resending(&error) => {
                    redirect = Redirect::parse(&error);
                    if redirect.is_none() {
                        tokio::time::sleep(RESEND_WAIT).await;
                    }
                }
                answer => return answer,
            }
            resends += 1;
        }
    }

    async fn send_once(
        &self,
        command: &Cmd,
        routing: Option<&RoutingInfo>,
        redirect: Option<&Redirect>,
    ) -> RedisResult<Value> {
        if let Some(redirect) = redirect {
            match self.redirected.connect(redirect).await {
                Ok(mut connection) => {
                    return redirect::send(&mut connection, redirect, command).await;
                }
                Err(error) => {
                    tracing::debug!(?redirect, %error, "a node of the cluster is not there");
                    tokio::time::sleep(RESEND_WAIT).await;
                }
            }
        }
        let mut driver = self.driver.clone();
        let answer = match routing {
            None => driver.req_packed_command(command).await?,
            Some(routing) => {
                let sending = driver.route_command(command.clone(), routing.clone());
                sending.await?
            }
        };
        answer.extract_error()
    }
}

fn open_server(server: Client, timeouts: Timeouts) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeouts.connect))
        .set_response_timeout(Some(timeouts.response))
        .set_pipeline_buffer_size(COMMANDS_AT_ONCE)
        // A command that finds Redis gone fails at once; the next one tries again.
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(server, config)
}
