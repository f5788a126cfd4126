//! HTTP client of a node's operators' port.

pub(super) mod pages;

use std::fmt::Display;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bundle::Bundle;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin::api::{ON_BEHALF_OF, Problem, SIGNATURE};
use crate::config::{Secret, Settings};
use crate::node::own_admin_token;
use crate::printable;

/// Time limit for a node to answer a GET request.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for any other request, such as one for which a release is made
/// ready.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(150);

/// An error reply of a node.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refused {
    /// HTTP status of the reply.
    pub(super) status: StatusCode,
    /// Explanation, with unprintable characters escaped.
    pub(super) detail: String,
}

/// Returns whether a node answered with this status.
pub(super) fn is_refused(error: &anyhow::Error, status: StatusCode) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.status == status)
}

/// A client of one node.
pub(super) struct Client {
    base: String,
    token: String,
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// Creates a client of the node that the settings name; by default, the
    /// node on this machine.
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let base = match (&settings.admin.url, settings.admin.listen) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(address)) => format!("http://{address}"),
            (None, None) => {
                bail!("admin_listen is off and admin_url is not set: there is nobody to ask")
            }
        };
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            base,
            token: token(settings)?,
            http: HyperClient::builder(TokioExecutor::new()).build(connector),
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.json(self.request(Method::GET, path), Bytes::new())
            .await
    }

    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.json(self.request(Method::DELETE, path), Bytes::new())
            .await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let request = self.request(Method::POST, path);
        let request = request.header(CONTENT_TYPE, "application/json");
        self.json(request, serde_json::to_vec(body)?.into()).await
    }

    pub(super) async fn put_bundle<T: DeserializeOwned>(
        &self,
        bundle: &Bundle,
        signature: &str,
    ) -> anyhow::Result<T> {
        let path = format!("/v1/bundles/{}", bundle.digest());
        let request = self.request(Method::PUT, &path);
        let request = request.header(SIGNATURE, signature);
        self.json(request, bundle.bytes().clone()).await
    }

    /// Sends a GET request and returns the body, to be read as it arrives.
    pub(super) async fn stream(&self, path: &str) -> anyhow::Result<Incoming> {
        let response = self
            .send(self.request(Method::GET, path), Bytes::new())
            .await?;
        Ok(response.into_body())
    }

    /// Sends a POST request and returns the body, to be read as it arrives.
    pub(super) async fn post_stream(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Incoming> {
        let request = self.request(Method::POST, path);
        let request = request.header(CONTENT_TYPE, "application/json");
        let response = self.send(request, serde_json::to_vec(body)?.into()).await?;
        Ok(response.into_body())
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(ON_BEHALF_OF, person())
    }

    async fn json<T: DeserializeOwned>(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<T> {
        let response = self.send(request, body).await?;
        let body = response.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).context("the node's answer is not understood")
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> anyhow::Result<Response<Incoming>> {
        let base = &self.base;
        let request = request
            .body(Full::new(body))
            .with_context(|| format!("admin_url {base} is no URL"))?;
        let timeout = match request.method() {
            &Method::GET => READ_TIMEOUT,
            _ => CHANGE_TIMEOUT,
        };
        let response = tokio::time::timeout(timeout, self.http.request(request)).await;
        let response = response
            .map_err(|_| anyhow!("no answer within {timeout:?}"))
            .and_then(|response| Ok(response?))
            .with_context(|| format!("no node answers at {base}"))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let detail = match serde_json::from_slice::<Problem>(&body) {
            // The explanation may contain text from a plugin.
            Ok(problem) => printable::line(&problem.detail).into_owned(),
            Err(_) => format!("{base} answers {status}"),
        };
        Err(Refused { status, detail }.into())
    }
}

/// Returns the path of a plugin, or of what is `below` it. The name is one
/// segment, whatever it contains.
pub(super) fn of_plugin(plugin: &str, below: &str) -> String {
    let plugin = segment(plugin);
    match below {
        "" => format!("/v1/plugins/{plugin}"),
        below => format!("/v1/plugins/{plugin}/{below}"),
    }
}

/// Returns a name as one segment of a path, percent-encoded.
pub(super) fn segment(name: &str) -> impl Display {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

/// Returns the operator token to send: `admin_token`, the first of
/// `admin_tokens`, or the one in the data folder.
pub(super) fn token(settings: &Settings) -> anyhow::Result<String> {
    if let Some(Secret(token)) = &settings.admin.token {
        return Ok(token.clone());
    }
    let first = settings.admin.tokens.as_ref().and_then(|Secret(tokens)| {
        let (_, token) = tokens.split(',').next()?.trim().split_once(':')?;
        Some(token.to_owned())
    });
    match first {
        Some(token) => Ok(token),
        None => Ok(own_admin_token(settings)?),
    }
}

/// Returns the user and host of this machine, for the audit.
pub(super) fn person() -> String {
    let name = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let plain = |c: &char| c.is_ascii_graphic();
    format!("{name}@{host}").chars().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_segment() {
        assert_eq!(of_plugin("order", ""), "/v1/plugins/order");
        assert_eq!(of_plugin("order", "log"), "/v1/plugins/order/log");
        let hostile = of_plugin("../nodes/a?b#c%2F d", "promote");
        let encoded = "%2E%2E%2Fnodes%2Fa%3Fb%23c%252F%20d";
        assert_eq!(hostile, format!("/v1/plugins/{encoded}/promote"));
        assert_eq!(segment("eu-west").to_string(), "eu%2Dwest");
    }
}
