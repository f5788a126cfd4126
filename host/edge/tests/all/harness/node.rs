//! A node in this process, on a thread and a runtime of its own, so that it
//! stops in order however its test ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use edge::config::{AccessLog, Secret, Settings};
use edge::node::{Node, StartError};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::data::{data_folder, share};
use super::{Operator, PATIENCE, PluginFolder, Reply, TOKENS, Wire, eventually, in_time};
use super::{leaks, logs};

/// The secret of nodes that share a control database, unless a test has another.
pub const SECRET: &str = "the secret of all nodes of these tests";

/// How long a stopping node waits for requests in flight: long enough for
/// those that a test wants finished, short for those that it abandoned.
const DRAIN: Duration = Duration::from_secs(5);

/// A node that serves.
pub struct TestNode {
    address: SocketAddr,
    admin: SocketAddr,
    tls_address: Option<SocketAddr>,
    client: Client<HttpConnector, Full<Bytes>>,
    stop: Option<oneshot::Sender<()>>,
    /// Whether every request finished, once the node has stopped.
    stopped: Option<mpsc::Receiver<bool>>,
    _data: Option<TempDir>,
}

impl TestNode {
    /// A node with a data folder of its own, on a free port.
    pub async fn start(plugins: &[PluginFolder], change: impl FnOnce(&mut Settings)) -> Self {
        let data = data_folder();
        let mut node = Self::start_in(data.path(), plugins, change).await;
        share(data.path());
        node._data = Some(data);
        node
    }

    /// A node in the data folder `data`, which outlives it.
    pub async fn start_in(
        data: &Path,
        plugins: &[PluginFolder],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        logs::collect();
        let settings = settings(data, plugins, change);
        let (stop, told_to_stop) = oneshot::channel();
        let (started, addresses) = oneshot::channel();
        let (ended, stopped) = mpsc::channel();
        std::thread::spawn(move || {
            // Who has given up on the node does not read how it ended.
            let _ = ended.send(serve(&settings, started, told_to_stop));
        });
        let addresses = in_time("a node", addresses)
            .await
            .expect("the node's thread lives");
        let Addresses {
            address,
            admin,
            tls_address,
        } = addresses.unwrap_or_else(|error| panic!("the node does not start: {error}"));
        eventually("an open port", async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            address,
            admin,
            tls_address,
            client,
            stop: Some(stop),
            stopped: Some(stopped),
            _data: None,
        }
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators are served.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The same as a URL.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin)
    }

    /// An operator at its other port.
    pub fn operator(&self) -> Operator {
        Operator::at(self.admin)
    }

    /// Where it serves by TLS, if the settings say that it does.
    pub fn tls_address(&self) -> SocketAddr {
        self.tls_address.expect("a node with TLS")
    }

    /// `http://address` and `target`.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// A raw connection to it.
    pub async fn wire(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// GET `target`.
    pub async fn get(&self, target: &str) -> Reply {
        self.send(Request::get(self.url(target)), "").await
    }

    /// POST `body`, as JSON, to `target`.
    pub async fn post(&self, target: &str, body: impl Into<Bytes>) -> Reply {
        let json = Request::post(self.url(target)).header("content-type", "application/json");
        self.send(json, body).await
    }

    /// A request with `method` and no body.
    pub async fn request(&self, method: Method, target: &str) -> Reply {
        self.send(Request::builder().method(method).uri(self.url(target)), "")
            .await
    }

    /// Any request.
    pub async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Reply {
        let request = request.body(Full::new(body.into())).expect("a request");
        exchange(&self.client, request)
            .await
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// GET `target`, by a connection and a task of its own.
    pub fn spawn_get(&self, target: &str) -> tokio::task::JoinHandle<Reply> {
        let request = Request::get(self.url(target))
            .body(Full::default())
            .expect("a request");
        let client = Client::builder(TokioExecutor::new()).build_http();
        tokio::spawn(async move {
            exchange(&client, request)
                .await
                .unwrap_or_else(|error| panic!("{error:#}"))
        })
    }

    /// Ask for `target` until the answer has `status`.
    pub async fn until_status(&self, target: &str, status: u16) -> Reply {
        let what = format!("status {status} of {target}");
        eventually(&what, async || {
            let reply = self.get(target).await;
            (reply.status == status).then_some(reply)
        })
        .await
    }

    /// Begin to stop, without waiting for it.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // If nobody listens, the node has stopped by itself.
            let _ = stop.send(());
        }
    }

    /// Stop, and say whether every request in flight finished.
    pub async fn stop(mut self) -> bool {
        self.begin_stop();
        let stopped = self.stopped.take().expect("stopped once");
        let waiting = tokio::task::spawn_blocking(move || stopped.recv_timeout(PATIENCE));
        let ended = waiting.await.expect("a thread to wait on");
        ended.unwrap_or_else(|error| panic!("the node does not stop: {error}"))
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.begin_stop();
        let Some(stopped) = self.stopped.take() else {
            return;
        };
        if let Err(error) = stopped.recv_timeout(PATIENCE)
            && !std::thread::panicking()
        {
            panic!("the node does not stop: {error}");
        }
        if !std::thread::panicking() {
            leaks::assert_none();
        }
    }
}

/// Send `request` and read the whole reply.
pub async fn exchange(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let target = request.uri().to_string();
    let (head, body) = in_time(&target, client.request(request))
        .await?
        .into_parts();
    let body = in_time(&target, body.collect()).await?.to_bytes();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

/// Why a node with these settings does not start.
pub async fn start_error(plugins: &[PluginFolder], change: impl FnOnce(&mut Settings)) -> String {
    let data = data_folder();
    let settings = settings(data.path(), plugins, change);
    match in_time("a start", Node::start(&settings)).await {
        Ok(_) => panic!("the node started"),
        Err(error) => error.to_string(),
    }
}

/// The settings of a node in `data` with these plugins.
pub fn settings(
    data: &Path,
    plugins: &[PluginFolder],
    change: impl FnOnce(&mut Settings),
) -> Settings {
    let mut settings = Settings::defaults(data).expect("the defaults are valid");
    settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.admin.listen = Some(settings.listen);
    settings.admin.tokens = Some(Secret(TOKENS.to_owned()));
    settings.plugins = plugins
        .iter()
        .map(|plugin| plugin.path().to_owned())
        .collect();
    settings.access_log = AccessLog::Off;
    settings.stop.drain_timeout = DRAIN;
    // All tests come from one address, and faster than clients do.
    settings.rate_limit = None;
    let own = settings.control_url.clone();
    change(&mut settings);
    // Nodes that agree on something are of one shop.
    if settings.control_url != own && settings.keys.secret.is_none() {
        settings.keys.secret = Some(Secret(SECRET.to_owned()));
    }
    settings
}

/// Where a node serves.
struct Addresses {
    address: SocketAddr,
    admin: SocketAddr,
    tls_address: Option<SocketAddr>,
}

/// The node's thread: start, say so, serve until stopped.
fn serve(
    settings: &Settings,
    started: oneshot::Sender<Result<Addresses, StartError>>,
    stopped: oneshot::Receiver<()>,
) -> bool {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let node = match Node::start(settings).await {
            Ok(node) => node,
            Err(error) => {
                // The test that waits for it tells why.
                let _ = started.send(Err(error));
                return true;
            }
        };
        let addresses = Addresses {
            address: node.address(),
            admin: node.admin_address().expect("a port for operators"),
            tls_address: node.tls_address(),
        };
        if started.send(Ok(addresses)).is_err() {
            return true;
        }
        // Either a request to stop, or the test is gone.
        let stop = async { stopped.await.unwrap_or_default() };
        node.run(stop).await.expect("the port is taken already")
    })
}
