//! The shop's customers' browsers, as it were: requests with their tokens and
//! fields, over connections that are kept.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A request that did not get what it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Failure {
    /// It was answered, but not by 200.
    #[error("{0}")]
    Status(StatusCode),
    /// It was not answered in time.
    #[error("no answer in time")]
    Late,
    /// The connection was refused or broke off.
    #[error("no connection")]
    Connection,
    /// The answer is not what this route answers.
    #[error("another answer than expected")]
    Reply,
    /// Every customer of the generator's own was busy: its fault, not the shop's.
    #[error("nobody to send it")]
    Nobody,
}

/// Sends requests to one node.
pub struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    origin: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            origin: format!("http://{address}"),
        }
    }

    /// What is answered to a GET of `path`.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Result<Bytes, Failure> {
        self.send(Method::GET, path, token, None).await
    }

    /// What is answered to a POST of these fields.
    pub async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        fields: &Value,
    ) -> Result<Bytes, Failure> {
        self.send(Method::POST, path, token, Some(fields)).await
    }

    /// The whole body that is answered by a 200.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        fields: Option<&Value>,
    ) -> Result<Bytes, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin));
        if let Some(token) = token {
            request = request.header("user-key", token);
        }
        let body = match fields {
            Some(fields) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(fields.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|_| Failure::Reply)?;
        let sent = self.http.request(request).await;
        let response = sent.map_err(|_| Failure::Connection)?;
        let status = response.status();
        let collected = response.into_body().collect().await;
        let body = collected.map_err(|_| Failure::Connection)?.to_bytes();
        match status {
            StatusCode::OK => Ok(body),
            _ => Err(Failure::Status(status)),
        }
    }
}

/// The JSON of an answer.
pub fn json(body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::Reply)
}

/// The text of a field of an answer.
pub fn text(answer: &Value, field: &str) -> Result<String, Failure> {
    let text = answer.get(field).and_then(Value::as_str);
    text.map(str::to_owned).ok_or(Failure::Reply)
}
