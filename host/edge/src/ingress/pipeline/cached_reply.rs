//! Replies of cached routes: the request as the reply cache looks it up, and the header fields of a
//! reply that is kept.

use bytes::Bytes;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};

use super::canary::Routed;
use super::exchange::Exchange;
use crate::bindings::context::Caller;
use crate::guest::Call;
use crate::reply_cache::{Lookup, Outcome};
use crate::runtime::Body;

/// Header field that says what the cache did (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// `Cache-Control` of replies that the host keeps, and whose plugin set none: clients may keep them
/// too, and ask each time whether they are still current.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Returns the lookup for a request to a cached route; `None` for any other, and for one whose reply
/// may depend on more than a key has.
///
/// # Errors
/// Returns the outcome if the manifest wants this request answered by the plugin.
pub(super) fn lookup<'a>(
    routed: &'a Routed,
    request: &Request<Bytes>,
    call: &Call,
) -> Option<Result<Lookup<'a>, Outcome>> {
    let policy = routed.release.manifest.cache.as_ref()?;
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    if !is_read || !request.body().is_empty() || !policy.covers(request.uri().path()) {
        return None;
    }
    let target = request.uri().path_and_query()?.as_str();
    if let Caller::Verified(principal) = &call.caller
        && policy.bypass_roles.contains(&principal.role)
    {
        return Some(Err(Outcome::bypass("role")));
    }
    Some(Ok(Lookup {
        policy,
        release: routed.release.digest,
        target: target.into(),
        headers: call.headers.clone(),
        is_anonymous: matches!(call.caller, Caller::Anonymous),
        may_store: request.method() == Method::GET,
        deadline: call.deadline,
    }))
}

/// Returns the request's `If-None-Match`.
pub(super) fn conditions(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers.get_all(IF_NONE_MATCH).iter().cloned().collect()
}

/// Sets the header fields of a reply that is kept, and of one that might have been.
pub(super) fn describe(outcome: &Outcome, exchange: &Exchange, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(CACHE_STATUS, outcome.header());
    let Some(entry) = &outcome.entry else {
        return;
    };
    if let Some(tag) = entry.tag() {
        headers.entry(ETAG).or_insert_with(|| tag.clone());
    }
    if outcome.is_from_cache() {
        headers.insert(AGE, entry.age().as_secs().into());
    }
    let control = match exchange.shows_credentials {
        true => PRIVATE,
        false => REVALIDATE,
    };
    headers.entry(CACHE_CONTROL).or_insert(control);
}

/// Makes a reply a 304 if the client has it: if one of its tags is the reply's (RFC 9110 section
/// 13.1.2).
pub(super) fn answer_condition(conditions: &[HeaderValue], response: &mut Response<Body>) {
    let Some(tag) = response
        .headers()
        .get(ETAG)
        .filter(|_| response.status() == StatusCode::OK)
    else {
        return;
    };
    if conditions.iter().any(|listed| lists(listed, tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        for name in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE] {
            response.headers_mut().remove(name);
        }
        *response.body_mut() = Either::Left(Full::new(Bytes::new()));
    }
}

/// Returns whether a list of entity tags has `tag`, by the weak comparison.
fn lists(listed: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(listed), Ok(tag)) = (listed.to_str(), tag.to_str()) else {
        return false;
    };
    let tag = opaque(tag);
    listed.trim() == "*" || listed.split(',').any(|one| opaque(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        let value = |text: &'static str| HeaderValue::from_static(text);
        let tag = value("\"a1\"");
        for (listed, is_found) in [
            ("\"a1\"", true),
            ("W/\"a1\"", true),
            ("\"b\", W/\"a1\" ,\"c\"", true),
            ("*", true),
            ("\"a\"", false),
            ("a1", false),
            ("", false),
        ] {
            assert_eq!(lists(&value(listed), &tag), is_found, "{listed}");
        }
        assert!(lists(&value("\"a1\""), &value("W/\"a1\"")));
    }
}
