//! Header fields that every reply carries, for the browsers that read it:
//! helmet's, or the few that an API needs, and those that the operator sets.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::layers::{HEADERS_TABLE, Layers};
use super::values::switch;

/// Header fields that helmet 8.3 sends by default.
static HELMET: [(&str, &str); 12] = [
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
         frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';\
         script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

/// Header fields that OWASP's REST Security Cheat Sheet recommends for replies
/// that are not pages. `cache-control` is set by plugins, and by the host for
/// authenticated callers.
static API: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none';frame-ancestors 'none'",
    ),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

const CROSS_ORIGIN_RESOURCE_POLICY: &str = "cross-origin-resource-policy";

/// Further fields that may be set, which have no default.
static OTHERS: [&str; 4] = [
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "permissions-policy",
    "reporting-endpoints",
];

/// Sets of fields that replies carry by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Helmet's fields, on every reply.
    Helmet,
    /// Helmet's fields on pages, and [`API`] on every other reply.
    Api,
    /// No fields.
    Off,
}

type Fields = Vec<(HeaderName, HeaderValue)>;

/// Header fields for every reply, ready to be sent. A field that the plugin
/// sets itself takes precedence.
#[derive(Debug, Clone, Default)]
pub struct ReplyHeaders {
    pages: Fields,
    others: Fields,
}

impl ReplyHeaders {
    /// Returns the fields to add to a reply with these header fields.
    #[must_use]
    pub fn fields(&self, reply: &HeaderMap) -> &[(HeaderName, HeaderValue)] {
        let content_type = reply.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        match content_type.is_some_and(is_page) {
            true => &self.pages,
            false => &self.others,
        }
    }

    /// Takes these settings out of `layers`. If CORS lets pages of other
    /// origins read replies, the resource policy lets them embed replies too.
    pub(super) fn take(layers: &mut Layers, is_cross_origin: bool) -> Self {
        let set = layers.take("security_headers", Set::Helmet, set);
        let own = layers.take_prefixed(&format!("{HEADERS_TABLE}."), field);
        let (pages, others): (&[_], &[_]) = match set {
            Set::Helmet => (&HELMET, &HELMET),
            Set::Api => (&HELMET, &API),
            Set::Off => (&[], &[]),
        };
        let fields = |defaults| fields(defaults, &own, is_cross_origin);
        Self {
            pages: fields(pages),
            others: fields(others),
        }
    }
}

/// Returns the operator's fields, and those of `defaults` that the operator
/// does not set.
fn fields(
    defaults: &[(&'static str, &'static str)],
    own: &BTreeMap<String, Option<(HeaderName, HeaderValue)>>,
    is_cross_origin: bool,
) -> Fields {
    let defaults = defaults.iter().filter(|(name, _)| !own.contains_key(*name));
    let defaults = defaults.map(|(name, value)| {
        let value = match *name {
            CROSS_ORIGIN_RESOURCE_POLICY if is_cross_origin => "cross-origin",
            _ => value,
        };
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    defaults.chain(own.values().flatten().cloned()).collect()
}

/// Returns whether a browser shows a reply of this content type as a page.
fn is_page(content_type: &[u8]) -> bool {
    ["text/html", "application/xhtml+xml"].iter().any(|page| {
        let start = content_type.get(..page.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(page.as_bytes()))
    })
}

fn set(text: &str) -> Result<Set, String> {
    match text {
        "api" => Ok(Set::Api),
        _ => match switch(text) {
            Ok(true) => Ok(Set::Helmet),
            Ok(false) => Ok(Set::Off),
            Err(_) => Err("is none of `on`, `api` and `off`".into()),
        },
    }
}

/// Parses the field `name` with the value `text`. Returns `None` for an empty
/// value, by which a field is omitted.
fn field(name: &str, text: &str) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let known = || HELMET.iter().map(|(name, _)| *name).chain(OTHERS);
    let Some(name) = known().find(|known| *known == name) else {
        let known: Vec<_> = known().collect();
        let known = known.join(", ");
        return Err(format!("is none of the fields that can be set: {known}"));
    };
    if text.is_empty() {
        return Ok(None);
    }
    match HeaderValue::from_str(text) {
        Ok(value) => Ok(Some((HeaderName::from_static(name), value))),
        Err(_) => Err("is not the value of a header field: it has signs that none may have".into()),
    }
}
