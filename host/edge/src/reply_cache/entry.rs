//! One reply that is kept.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bundle::manifest::CachePolicy;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, ETAG, HeaderValue, SET_COOKIE, VARY};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use sha2::{Digest as _, Sha256};
use stores::sql::ResultVersion;

use crate::bindings::handler::Failure;
use crate::guest::{Basis, Unshareable};
use crate::runtime::Answer;

/// Number of content codings, by what the client accepts, that are kept of one reply.
const MOST_ENCODINGS: usize = 4;

/// Number of hexadecimal digits of a SHA-256 digest that an entity tag has.
const TAG_DIGITS: usize = 32;

/// Directives of `Cache-Control` with which a reply is not kept: those that forbid it, and those by
/// which it would have to be asked for again, or never be sent stale.
const FORBIDDING: [&str; 6] = [
    "no-store",
    "private",
    "no-cache",
    "max-age=0",
    "must-revalidate",
    "proxy-revalidate",
];

/// Reply that is kept, with what it depends on.
pub struct Entry {
    reply: Reply,
    results: Vec<ResultVersion>,
    made: Instant,
    tag: Option<HeaderValue>,
    encodings: Mutex<Vec<Encoding>>,
}

enum Reply {
    Response {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
    /// The host writes its message in the form that the client accepts.
    Failure(Failure),
}

/// Body in the content coding for one value of `Accept-Encoding`.
#[derive(Clone)]
struct Encoding {
    accepted: HeaderValue,
    /// Coding and body; `None` if the body is sent as it is.
    encoded: Option<(HeaderValue, Bytes)>,
}

/// Reason why a reply is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotKept {
    /// The ledger shows that it is not for everybody, or not for long.
    #[error(transparent)]
    Unshareable(Unshareable),
    #[error("its status is neither 200 nor 404")]
    Status,
    #[error("it sets a cookie, or its `Cache-Control` or `Vary` forbids keeping it")]
    Forbidden,
    #[error("its body is streamed")]
    Streamed,
    #[error("the plugin asked who calls, and the caller was verified")]
    Caller,
    #[error("its data changed while it was made")]
    Raced,
}

impl NotKept {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unshareable(reason) => reason.name(),
            Self::Status => "status",
            Self::Forbidden => "no-store",
            Self::Streamed => "streamed",
            Self::Caller => "caller",
            Self::Raced => "changed",
        }
    }
}

impl Entry {
    /// Returns the entry for a reply with this basis.
    ///
    /// # Errors
    /// Returns the reason why the reply is not kept.
    pub(super) fn new(answer: &Answer, basis: Basis) -> Result<Self, NotKept> {
        let reply = Reply::of(answer)?;
        let tag = reply.tag();
        let entry = Self {
            reply,
            results: basis.results,
            made: Instant::now(),
            tag,
            encodings: Mutex::default(),
        };
        match entry.is_unchanged() {
            true => Ok(entry),
            false => Err(NotKept::Raced),
        }
    }

    /// Returns whether no change of its data is known.
    pub(super) fn is_unchanged(&self) -> bool {
        self.results.iter().all(ResultVersion::is_current)
    }

    /// Returns the time since the reply was made.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Returns the time for which the reply is fresh, if its data does not change.
    pub(super) fn time_to_live(&self, policy: &CachePolicy) -> Duration {
        policy.max_age.saturating_sub(self.age())
    }

    /// Returns the entity tag, which is strong unless the plugin set a weak one; `None` for a
    /// failure, whose bytes are made for each client.
    #[must_use]
    pub fn tag(&self) -> Option<&HeaderValue> {
        self.tag.as_ref()
    }

    /// Returns whether all clients get the same body, before it is encoded.
    #[must_use]
    pub fn has_one_body(&self) -> bool {
        matches!(self.reply, Reply::Response { .. })
    }

    /// Returns the size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let results: usize = self.results.iter().map(ResultVersion::bytes).sum();
        // Encoded bodies are smaller than the body, and few of them are kept.
        size_of::<Self>() + results + 2 * self.reply.bytes()
    }

    /// Returns the reply as its plugin gave it.
    pub(super) fn answer(&self) -> Answer {
        match &self.reply {
            Reply::Response {
                status,
                headers,
                body,
            } => {
                let body = Full::new(body.clone());
                let mut response = http::Response::new(Either::Left(body));
                *response.status_mut() = *status;
                *response.headers_mut() = headers.clone();
                Answer::Response(response)
            }
            Reply::Failure(failure) => Answer::Failure(failure.clone()),
        }
    }

    /// Returns the body in the content coding for `accepted`, if it was encoded before.
    #[must_use]
    pub fn encoded(&self, accepted: &HeaderValue) -> Option<Option<(HeaderValue, Bytes)>> {
        let encodings = self
            .encodings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut encodings = encodings.iter();
        let found = encodings.find(|encoding| encoding.accepted == *accepted);
        found.map(|encoding| encoding.encoded.clone())
    }

    /// Keeps the body in the content coding for `accepted`.
    pub fn keep_encoded(&self, accepted: HeaderValue, encoded: Option<(HeaderValue, Bytes)>) {
        let mut encodings = self
            .encodings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_new = encodings.iter().all(|known| known.accepted != accepted);
        if is_new && encodings.len() < MOST_ENCODINGS {
            encodings.push(Encoding { accepted, encoded });
        }
    }
}

impl Reply {
    fn of(answer: &Answer) -> Result<Self, NotKept> {
        let response = match answer {
            Answer::Failure(failure) if failure.status == StatusCode::NOT_FOUND => {
                return Self::of_failure(failure);
            }
            Answer::Failure(_) => return Err(NotKept::Status),
            Answer::Response(response) => response,
        };
        if ![StatusCode::OK, StatusCode::NOT_FOUND].contains(&response.status()) {
            return Err(NotKept::Status);
        }
        if forbids_keeping(response.headers()) {
            return Err(NotKept::Forbidden);
        }
        let Either::Left(body) = response.body() else {
            return Err(NotKept::Streamed);
        };
        Ok(Self::Response {
            status: response.status(),
            headers: response.headers().clone(),
            body: whole(body.clone()),
        })
    }

    fn of_failure(failure: &Failure) -> Result<Self, NotKept> {
        let headers = crate::runtime::headers(failure.headers.clone());
        let headers = headers.map_err(|_| NotKept::Status)?;
        match forbids_keeping(&headers.into_iter().collect()) {
            true => Err(NotKept::Forbidden),
            false => Ok(Self::Failure(failure.clone())),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Response { headers, body, .. } => {
                let fields = headers.iter();
                let fields = fields.map(|(name, value)| name.as_str().len() + value.len());
                body.len() + fields.sum::<usize>()
            }
            Self::Failure(failure) => {
                let fields = failure.headers.iter();
                let fields = fields.map(|(name, value)| name.len() + value.len());
                let field = failure.field.as_ref().map_or(0, String::len);
                failure.message.len() + failure.code.len() + field + fields.sum::<usize>()
            }
        }
    }

    fn tag(&self) -> Option<HeaderValue> {
        let Self::Response { headers, body, .. } = self else {
            return None;
        };
        headers.get(ETAG).cloned().or_else(|| {
            let mut digest = hex::encode(Sha256::digest(body));
            digest.truncate(TAG_DIGITS);
            HeaderValue::try_from(format!("\"{digest}\"")).ok()
        })
    }
}

/// Returns the bytes of a body that is whole in memory, which takes no waiting.
fn whole(body: Full<Bytes>) -> Bytes {
    let collected = body.collect().now_or_never();
    let collected = collected.map(|Ok(collected)| collected.to_bytes());
    collected.unwrap_or_default()
}

fn forbids_keeping(headers: &HeaderMap) -> bool {
    let varies_by_all = headers.get_all(VARY).iter().any(|value| value == "*");
    let mut control = headers.get_all(CACHE_CONTROL).iter();
    let forbids = control.any(|value| {
        let text = value.to_str().unwrap_or("no-store").to_ascii_lowercase();
        FORBIDDING.iter().any(|directive| text.contains(directive))
    });
    varies_by_all || forbids || headers.contains_key(SET_COOKIE)
}
