//! Header fields of replies that are the host's to write: what a plugin says in
//! them is dropped.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields of the connection: a guest's wrong `content-length` would cut the
/// next reply in two.
const CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Fields by which one reply speaks for the whole origin, that of the other
/// plugins included.
const ORIGIN: [&str; 9] = [
    "alt-svc",
    "clear-site-data",
    "expect-ct",
    "nel",
    "origin-agent-cluster",
    "public-key-pins",
    "report-to",
    "service-worker-allowed",
    "strict-transport-security",
];

/// Fields that tell what serves.
const SERVER: [&str; 3] = ["server", "via", "x-powered-by"];

/// Who may read replies from other origins is the operator's to say.
const CORS: &str = "access-control-";

/// The host's own fields and cookies.
const HOST: &str = "edge-";

/// Whether a plugin may not write `field` with this `value`.
pub(super) fn is_reserved(field: &HeaderName, value: &HeaderValue) -> bool {
    if field == http::header::SET_COOKIE {
        return is_hosts_cookie(value.as_bytes());
    }
    let name = field.as_str();
    name.starts_with(CORS)
        || name.starts_with(HOST)
        || CONNECTION.contains(&name)
        || ORIGIN.contains(&name)
        || SERVER.contains(&name)
}

/// Drop what a plugin may not write.
pub(super) fn remove_reserved(headers: &mut HeaderMap) {
    if !headers.iter().any(|(name, value)| is_reserved(name, value)) {
        return;
    }
    let mut name = None;
    let kept = std::mem::take(headers)
        .into_iter()
        .filter_map(|(next, value)| {
            // Only the first value of a field comes with its name.
            name = next.or(name.take());
            let field = name.clone()?;
            (!is_reserved(&field, &value)).then_some((field, value))
        });
    kept.for_each(|(field, value)| {
        headers.append(field, value);
    });
}

/// Whether a browser would send back what this sets under a name of the
/// host's. It trims blanks, and sends a cookie without a name as its value.
fn is_hosts_cookie(cookie: &[u8]) -> bool {
    let is_skipped = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'=';
    let start = cookie.iter().position(|byte| !is_skipped(byte));
    let name = start.and_then(|start| cookie.get(start..start + HOST.len()));
    name.is_some_and(|name| name.eq_ignore_ascii_case(HOST.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> (HeaderName, HeaderValue) {
        let name = name.parse().expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    }

    #[test]
    fn the_hosts_fields_are_dropped_and_others_kept() {
        let fields = [
            ("Access-Control-Allow-Origin", "*"),
            ("access-control-expose-headers", "*"),
            ("strict-transport-security", "max-age=0"),
            ("content-type", "text/plain"),
            ("edge-release", "other@1.0.0"),
            ("set-cookie", "a=b"),
            ("set-cookie", "edge-draw=0.00"),
            ("set-cookie", " = edge-draw=0.00"),
            ("set-cookie", "Edge-Cohort=0.00"),
            ("set-cookie", "ledge-draw=1"),
            ("transfer-encoding", "chunked"),
            ("x-frame-options", "DENY"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let (name, value) = field(name, value);
            headers.append(name, value);
        }
        remove_reserved(&mut headers);
        let mut kept: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        kept.sort_unstable();
        let expected = [
            ("content-type", "text/plain"),
            ("set-cookie", "a=b"),
            ("set-cookie", "ledge-draw=1"),
            ("x-frame-options", "DENY"),
        ];
        assert_eq!(kept, expected);
    }
}
