//! Clients that ask all the time, and notice everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use crate::harness::{TestNode, exchange};

/// Requests without end, over connections that are kept.
pub struct Load {
    clients: JoinSet<BTreeMap<String, u64>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// So many clients that ask `node` for `target`. A reply other than 200
    /// and a connection that breaks are failures of the test.
    pub fn start(node: &TestNode, target: &str, clients: usize) -> Self {
        Self::at(&node.url(target), clients)
    }

    /// The same, of a node in a process of its own.
    pub fn at(url: &str, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut asking = JoinSet::new();
        for _ in 0..clients {
            asking.spawn(ask(url.to_owned(), stop.clone()));
        }
        Self {
            clients: asking,
            stop,
        }
    }

    /// End it: how many replies each release gave.
    pub async fn stop(self) -> BTreeMap<String, u64> {
        self.stop.store(true, Relaxed);
        let mut replies = BTreeMap::new();
        for seen in self.clients.join_all().await {
            for (release, count) in seen {
                *replies.entry(release).or_default() += count;
            }
        }
        replies
    }
}

async fn ask(url: String, stop: Arc<AtomicBool>) -> BTreeMap<String, u64> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut replies = BTreeMap::new();
    while !stop.load(Relaxed) {
        let request = Request::get(&url).body(Full::default()).expect("a request");
        let reply = exchange(&client, request).await;
        let reply = reply.unwrap_or_else(|error| panic!("{error:#}"));
        reply.assert_status(200);
        let release = reply.header("edge-release").expect("a release").to_owned();
        *replies.entry(release).or_default() += 1;
    }
    replies
}
