//! What the cache did for a request, and the header field `Cache-Status` (RFC 9211) that says so.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use crate::telemetry::CacheResult;
use http::HeaderValue;

/// Detail of a reply that is sent since the plugin has failed.
pub(super) const STALE_IF_ERROR: &str = "stale-if-error";

/// What the cache did for a request.
#[derive(Clone)]
pub struct Outcome {
    /// What the cache did, for counts.
    pub result: CacheResult,
    /// Reply that was sent or stored; `None` if it was neither.
    pub entry: Option<Arc<Entry>>,
    /// Time for which the reply is still fresh, if its data does not change.
    lifetime: Option<Duration>,
    /// True if the request waited for another one to make the reply.
    collapsed: bool,
    detail: Option<&'static str>,
}

impl Outcome {
    fn new(result: CacheResult) -> Self {
        Self {
            result,
            entry: None,
            lifetime: None,
            collapsed: false,
            detail: None,
        }
    }

    pub(super) fn hit(entry: &Arc<Entry>, left: Duration, collapsed: bool) -> Self {
        Self {
            entry: Some(entry.clone()),
            lifetime: Some(left),
            collapsed,
            ..Self::new(CacheResult::Hit)
        }
    }

    pub(super) fn stale(entry: &Arc<Entry>, detail: &'static str) -> Self {
        Self {
            entry: Some(entry.clone()),
            detail: Some(detail),
            ..Self::new(CacheResult::Stale)
        }
    }

    pub(super) fn stored(entry: &Arc<Entry>, left: Duration) -> Self {
        Self {
            entry: Some(entry.clone()),
            lifetime: Some(left),
            ..Self::new(CacheResult::Stored)
        }
    }

    pub(super) fn miss(detail: Option<&'static str>) -> Self {
        Self {
            detail,
            ..Self::new(CacheResult::Miss)
        }
    }

    /// Returns the outcome for a request that the cache takes no part in, with the reason.
    #[must_use]
    pub fn bypass(detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..Self::new(CacheResult::Bypass)
        }
    }

    /// Returns the result and its reason in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.detail {
            Some(detail) => format!("{} ({detail})", self.result.name()),
            None => self.result.name().to_owned(),
        }
    }

    /// Returns whether the reply comes from the cache.
    #[must_use]
    pub fn is_from_cache(&self) -> bool {
        matches!(self.result, CacheResult::Hit | CacheResult::Stale)
    }

    /// Returns the value of `Cache-Status`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let mut text = String::from("edge; ");
        text.push_str(match self.result {
            CacheResult::Hit if self.collapsed => "fwd=miss; collapsed",
            CacheResult::Stale if self.detail == Some(STALE_IF_ERROR) => "fwd=stale",
            CacheResult::Hit | CacheResult::Stale => "hit",
            CacheResult::Stored => "fwd=miss; stored",
            CacheResult::Miss => "fwd=miss",
            CacheResult::Bypass => "fwd=bypass",
        });
        if let Some(lifetime) = self.lifetime {
            // Writing to a string cannot fail.
            let _ = write!(text, "; ttl={}", lifetime.as_secs());
        }
        if let Some(detail) = self.detail {
            let _ = write!(text, "; detail={detail}");
        }
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("edge"))
    }
}
