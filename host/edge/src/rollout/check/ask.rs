//! Client for external checks, with limits on time and size of the answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Answer, Check, Verdict, prometheus};
use crate::config::AllowedUrls;

/// Time limit for one answer, connecting included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of an answer, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Maximum length of a reason that is kept, in characters; longer ones are cut.
const MAX_REASON_CHARS: usize = 300;

/// Client that asks external checks about canaries.
pub struct Checks {
    allowed: AllowedUrls,
    /// Interval between two requests of one check.
    interval: Duration,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Reason why the last request failed, by rollout; rollouts whose last
    /// request was answered are absent.
    failures: Mutex<HashMap<String, String>>,
}

/// Error when the TLS client of external checks cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("outside checks cannot be asked by TLS: {0}")]
pub struct ChecksError(#[from] rustls::Error);

/// Error when a check gives no answer.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no answer within {TIMEOUT:?}")]
    TooSlow,
    #[error("{0}")]
    Unreachable(#[from] hyper_util::client::legacy::Error),
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    #[error("the check is of a kind that this version of the host does not know")]
    Other,
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
}

impl Checks {
    /// Returns a client that asks the `allowed` URLs, each check once per
    /// `interval`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(allowed: AllowedUrls, interval: Duration) -> Result<Self, ChecksError> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            allowed,
            interval,
            client: Client::builder(TokioExecutor::new()).build(connector),
            failures: Mutex::default(),
        })
    }

    /// Returns the interval between two requests of one check.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the URL of `check`, if the settings allow this node to ask it.
    ///
    /// # Errors
    /// When this version does not know the check, or the settings do not allow
    /// its URL; the text says which.
    pub fn allowed(&self, check: &Check) -> Result<Url, String> {
        if *check == Check::Other {
            return Err(format!("the check is {}", check.url()));
        }
        self.allowed.check(check.url())
    }

    /// Asks `check` about the canary that `facts` describe. A reply that cannot
    /// be read as a verdict is an answer with the verdict `unknown`.
    ///
    /// # Errors
    /// When the URL is not allowed, the check cannot be reached, or its reply
    /// is too late, too long or has a status other than 200. Another node may
    /// get an answer.
    pub async fn ask(&self, check: &Check, facts: &Value) -> Result<Answer, String> {
        let url = self.allowed(check)?;
        let asking = self.send(check, url, facts);
        let outcome = tokio::time::timeout(TIMEOUT, asking).await;
        match outcome.unwrap_or(Err(AskError::TooSlow)) {
            Ok(body) => Ok(read(check, &body)),
            Err(error) => Err(with_causes(&error)),
        }
    }

    /// Returns whether this node's last request about a rollout failed.
    #[must_use]
    pub fn has_failed(&self, rollout: &str) -> bool {
        self.failures().contains_key(rollout)
    }

    /// Records the outcome of the last request about a rollout: `None` for an
    /// answer, or the reason of the failure. Returns whether it differs from
    /// the outcome before.
    pub fn note_outcome(&self, rollout: &str, failure: Option<&str>) -> bool {
        let mut failures = self.failures();
        match failure {
            None => failures.remove(rollout).is_some(),
            Some(reason) => {
                let before = failures.insert(rollout.to_owned(), reason.to_owned());
                before.as_deref() != Some(reason)
            }
        }
    }

    /// Drops the failures of all rollouts for which `is_open` returns false.
    pub fn retain(&self, is_open: impl Fn(&str) -> bool) {
        self.failures().retain(|rollout, _| is_open(rollout));
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, check: &Check, url: Url, facts: &Value) -> Result<Bytes, AskError> {
        let request = match check {
            Check::Webhook { .. } => Request::post(url.as_str())
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(facts.to_string())),
            Check::Prometheus { query, .. } => {
                let base = url.as_str().trim_end_matches('/');
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("query", query)
                    .finish();
                Request::get(format!("{base}/api/v1/query?{query}")).body(Full::default())
            }
            Check::Other => return Err(AskError::Other),
        };
        let mut request = request?;
        let agent = http::HeaderValue::from_static(concat!("edge/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        // Redirects are not followed, since they could lead to URLs that are
        // not allowed.
        let response = self.client.request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(AskError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MOST_BYTES).collect();
        let body = body.await;
        Ok(body
            .map_err(|error| AskError::Unreadable(error.to_string()))?
            .to_bytes())
    }
}

fn read(check: &Check, body: &[u8]) -> Answer {
    let answer = match check {
        Check::Prometheus { .. } => prometheus::answer(body),
        Check::Webhook { .. } => webhook_answer(body)
            .unwrap_or_else(|error| unknown(&format!("the answer is no verdict: {error}"))),
        Check::Other => unknown("the check cannot be asked"),
    };
    Answer {
        reason: answer.reason.chars().take(MAX_REASON_CHARS).collect(),
        ..answer
    }
}

/// JSON body of a webhook's reply.
#[derive(Deserialize)]
struct WebhookReply {
    verdict: String,
    #[serde(default)]
    reason: String,
}

fn webhook_answer(body: &[u8]) -> Result<Answer, String> {
    let reply: WebhookReply = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(Answer {
        verdict: reply.verdict.parse()?,
        reason: reply.reason,
    })
}

fn unknown(reason: &str) -> Answer {
    Answer {
        verdict: Verdict::Unknown,
        reason: reason.chars().take(MAX_REASON_CHARS).collect(),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
