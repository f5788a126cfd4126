//! An operator of a node, through its API.

use std::net::SocketAddr;

use bundle::Bundle;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::{PluginFolder, Reply, eventually, exchange};

/// The operators of test nodes, and the token of the one that tests are.
pub const TOKENS: &str = "tester:a token of these tests";
pub const TOKEN: &str = "a token of these tests";

/// Somebody who may change what serves.
#[derive(Clone)]
pub struct Operator {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Operator {
    /// An operator of the node whose other port is there.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Any request, with the operator's token.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let request = self.request(method, path).header("authorization", bearer());
        self.exchange(request, body).await
    }

    /// A request without it.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json")
    }

    /// Send it as it is.
    pub async fn exchange(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Reply {
        let request = request.body(Full::new(body.into())).expect("a request");
        exchange(&self.client, request)
            .await
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// What GET `path` answers.
    pub async fn get(&self, path: &str) -> Value {
        let reply = self.send(Method::GET, path, "").await;
        reply.assert_status(200);
        reply.json()
    }

    /// Add a bundle; the reply, whatever it is.
    pub async fn add(&self, bundle: &Bundle, signature: &str) -> Reply {
        let path = format!("/v1/bundles/{}", bundle.digest());
        let request = self
            .request(Method::PUT, &path)
            .header("authorization", bearer())
            .header("edge-signature", signature);
        self.exchange(request, bundle.bytes().clone()).await
    }

    /// Add the plugin in a folder and begin its rollout: the reply, whatever
    /// it is.
    pub async fn try_deploy(&self, plugin: &PluginFolder, more: Value) -> Reply {
        let bundle = Bundle::pack(plugin.path()).expect("a bundle");
        let added = self.add(&bundle, "").await;
        if added.status != 200 {
            return added;
        }
        let mut order = json!({ "digest": bundle.digest(), "pause_ms": 0 });
        let more = more.as_object().expect("an object").clone();
        order.as_object_mut().expect("an object").extend(more);
        self.send(Method::POST, "/v1/rollouts", order.to_string())
            .await
    }

    /// Lead the plugin in a folder everywhere, and wait until it is there.
    pub async fn deploy(&self, plugin: &PluginFolder) {
        let rollout = self.begin(plugin, json!({})).await;
        assert_eq!(self.end_of(&rollout).await["phase"], "done");
    }

    /// Begin a rollout, and return its id.
    pub async fn begin(&self, plugin: &PluginFolder, more: Value) -> String {
        id(&self.try_deploy(plugin, more).await)
    }

    /// POST to a plugin, such as `promote`; the id of the rollout.
    pub async fn decide(&self, plugin: &str, what: &str) -> String {
        let path = format!("/v1/plugins/{plugin}/{what}");
        id(&self.send(Method::POST, &path, "{}").await)
    }

    /// The rollout, once it is over.
    pub async fn end_of(&self, rollout: &str) -> Value {
        let ends = ["done", "failed", "aborted"];
        self.until(rollout, |phase| ends.contains(&phase)).await
    }

    /// The rollout, once it is in a phase that `wanted` likes.
    pub async fn until(&self, rollout: &str, wanted: impl Fn(&str) -> bool) -> Value {
        let path = format!("/v1/rollouts/{rollout}");
        eventually(&format!("a phase of the rollout {rollout}"), async || {
            let rollout = self.get(&path).await;
            wanted(rollout["phase"].as_str().expect("a phase")).then_some(rollout)
        })
        .await
    }
}

/// The rollout's id.
#[track_caller]
fn id(reply: &Reply) -> String {
    reply.assert_status(200);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}
