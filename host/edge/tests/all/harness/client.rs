//! A client of a node that runs in a process of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{Reply, TOKEN, exchange};

/// Sends requests to one address, over connections that are kept.
pub struct Client {
    base: String,
    token: Option<&'static str>,
    client: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of whatever serves at `address`.
    pub fn of(address: SocketAddr) -> Self {
        Self {
            token: None,
            base: format!("http://{address}"),
            client: HttpClient::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// A client of the operators' port at `address`.
    pub fn of_operator(address: SocketAddr) -> Self {
        Self {
            token: Some(TOKEN),
            ..Self::of(address)
        }
    }

    /// GET `target`.
    pub async fn get(&self, target: &str) -> Reply {
        self.send(Method::GET, target, "").await
    }

    /// Any request whose body, if there is one, is JSON.
    pub async fn send(&self, method: Method, target: &str, body: impl Into<Bytes>) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header("content-type", "application/json");
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let reply = exchange(&self.client, request).await;
        reply.unwrap_or_else(|error| panic!("{error:#}"))
    }
}
