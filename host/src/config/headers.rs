//! The header fields that every reply carries, for the browsers that read it:
//! helmet's, and what the operator says of single ones.

use http::header::{HeaderName, HeaderValue};

use super::layers::Layers;
use super::values::switch;

/// The table of the file that sets single fields.
pub(super) const TABLE: &str = "headers";

/// What helmet 8.3 sends by default.
static HELMET: [(&str, &str); 12] = [
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
         frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';\
         script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
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

/// What else may be set: fields of the same kind that have no default.
static OTHERS: [&str; 4] = [
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "permissions-policy",
    "reporting-endpoints",
];

/// Header fields for every reply, ready to be sent: a plugin's own value of
/// one wins.
#[derive(Debug, Clone, Default)]
pub struct ReplyHeaders(Vec<(HeaderName, HeaderValue)>);

impl ReplyHeaders {
    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0
    }

    /// Take the settings of them out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        let helmet = layers.take("security_headers", true, switch);
        let own = layers.take_prefixed(&format!("{TABLE}."), field);
        let is_own = |name: &str| own.contains_key(name);
        let defaults = HELMET.iter().filter(|(name, _)| helmet && !is_own(name));
        let defaults = defaults.map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        Self(defaults.chain(own.values().flatten().cloned()).collect())
    }
}

/// The field `name` with the value `text`; none for a field that is to be left
/// out.
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
