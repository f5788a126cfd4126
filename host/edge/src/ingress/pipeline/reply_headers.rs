//! Header fields that the host sets on every reply, whoever wrote it.

use std::sync::Arc;

use http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, SERVER};
use http::{HeaderMap, Response, StatusCode};

use crate::config::{ReplyHeaders, Settings};
use crate::ingress::error_response::REQUEST_ID;
use crate::rollout::Release;

/// Header field with the version of the release that answered.
const RELEASE: HeaderName = HeaderName::from_static("edge-release");

/// Header field with the region of the node that answered.
const REGION: HeaderName = HeaderName::from_static("edge-region");

/// Header field that is removed, since it tells clients which software serves them.
const POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");

/// Methods that a plugin may support, for a 405 that does not name those of its path.
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Header fields of a node's replies.
pub(super) struct NodeHeaders {
    region: HeaderValue,
    /// Header fields of the settings, such as those for browsers.
    configured: Arc<ReplyHeaders>,
}

impl NodeHeaders {
    pub(super) fn new(settings: &Settings) -> Self {
        let invalid = HeaderValue::from_static("invalid");
        Self {
            region: HeaderValue::from_str(&settings.region).unwrap_or(invalid),
            configured: Arc::new(settings.reply_headers.clone()),
        }
    }

    /// Returns the header fields of the settings, which are set where the reply has no such field.
    pub(super) fn configured(&self) -> &Arc<ReplyHeaders> {
        &self.configured
    }

    /// Sets the header fields of a reply by `release`, and removes those that name the serving
    /// software.
    pub(super) fn write<B>(
        &self,
        response: &mut Response<B>,
        request_id: &str,
        release: Option<&Release>,
    ) {
        let is_wrong_method = response.status() == StatusCode::METHOD_NOT_ALLOWED;
        let headers = response.headers_mut();
        headers.remove(SERVER);
        headers.remove(POWERED_BY);
        for (name, value) in self.configured.fields(headers) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(REGION, self.region.clone());
        if let Some(release) = release {
            headers.insert(RELEASE, release.header.clone());
        }
        if is_wrong_method {
            // RFC 9110 section 15.5.6 requires the field, which a plugin may have left out.
            headers.entry(ALLOW).or_insert(METHODS);
        }
    }
}

/// Marks a reply as `no-store`, unless its plugin has set `Cache-Control`: caches do not know that
/// the header field `user-key` is a credential.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(no_store);
}
