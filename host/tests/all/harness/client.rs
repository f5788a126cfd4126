//! A client of a node that runs in a process of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{Reply, exchange};

/// Sends requests to one address, over connections that are kept.
pub struct Client {
    base: String,
    client: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of whatever serves at `address`.
    pub fn of(address: SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            client: HttpClient::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// GET `target`.
    pub async fn get(&self, target: &str) -> Reply {
        self.send(Method::GET, target, "").await
    }

    /// Any request whose body, if there is one, is JSON.
    pub async fn send(&self, method: Method, target: &str, body: impl Into<Bytes>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .expect("a request");
        let reply = exchange(&self.client, request).await;
        reply.unwrap_or_else(|error| panic!("{error:#}"))
    }
}
