//! Clients of a canary: many, at once, and no more than they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use crate::harness::{PluginFolder, Reply, exchange, variant};

/// Clients at once.
const CLIENTS: usize = 4;

/// The most requests of one load: a test that needs more has failed.
const MOST: usize = 100_000;

/// How long each of them thinks between two requests: a machine that is free
/// would answer all of them before a canary has taken its time.
const PAUSE: Duration = Duration::from_millis(3);

/// The routes of the plugin, so that they are told apart.
const DOCUMENT: &str = "paths:\n  /hostile/count: {}\n  /hostile/echo: {}\n";

/// A release of a plugin that cannot answer with more than a kibibyte.
pub fn narrow(version: &str) -> PluginFolder {
    release(version, "[limits]\nresponse = \"1 KiB\"")
}

/// A release of a plugin that can.
pub fn wide(version: &str) -> PluginFolder {
    release(version, "")
}

fn release(version: &str, more: &str) -> PluginFolder {
    let changes = format!("version = \"{version}\"\n{more}");
    variant("hostile", &changes).with("openapi.yaml", DOCUMENT)
}

/// Requests that go on until they are dropped.
pub struct Load {
    tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

/// What a load was answered.
#[derive(Default)]
pub struct Counts {
    asked: AtomicUsize,
    failed: AtomicUsize,
    stopped: AtomicBool,
}

impl Load {
    /// Begin: every `long`th request asks for a reply that is longer than a
    /// kibibyte, all others for a short one. Each comes as another client.
    pub fn start(address: std::net::SocketAddr, long: usize) -> Self {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        for _ in 0..CLIENTS {
            let counts = counts.clone();
            tasks.spawn(async move {
                let client = Client::builder(TokioExecutor::new()).build_http();
                while !counts.stopped.load(Relaxed) {
                    let number = counts.asked.fetch_add(1, Relaxed);
                    assert!(number < MOST, "no end after {MOST} requests");
                    let is_long = number % long == 0;
                    let reply = ask(&client, address, number, is_long).await;
                    counts
                        .failed
                        .fetch_add(usize::from(reply.status >= 500), Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self { tasks, counts }
    }

    /// How many were asked so far.
    pub fn asked(&self) -> usize {
        self.counts.asked.load(Relaxed)
    }

    /// How many failed so far.
    pub fn failed(&self) -> usize {
        self.counts.failed.load(Relaxed)
    }

    /// End it; every client has to have been answered.
    pub async fn stop(mut self) {
        self.counts.stopped.store(true, Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client that was answered");
        }
    }
}

async fn ask(
    client: &Client<HttpConnector, Full<bytes::Bytes>>,
    address: std::net::SocketAddr,
    number: usize,
    is_long: bool,
) -> Reply {
    let request = match is_long {
        true => Request::post(format!("http://{address}/hostile/echo")),
        false => Request::get(format!("http://{address}/hostile/count")),
    };
    let body = if is_long {
        "x".repeat(2048)
    } else {
        String::new()
    };
    let request = request
        .header("user-agent", number.to_string())
        .body(Full::from(body))
        .expect("a request");
    exchange(client, request)
        .await
        .unwrap_or_else(|error| panic!("{error:#}"))
}
