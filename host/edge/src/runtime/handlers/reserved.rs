//! Header fields of replies that only the host may set. Values of them that a plugin sets are
//! removed.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields of the connection. A guest's wrong `content-length` would split the next reply.
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

/// Fields that apply to the whole origin, the other plugins' routes included.
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

/// Fields that identify the server software.
const SERVER: [&str; 3] = ["server", "via", "x-powered-by"];

/// Prefix of the CORS fields, which the operator's settings decide.
const CORS: &str = "access-control-";

/// Prefix of the host's own fields and cookies.
const HOST: &str = "edge-";

/// Returns whether a plugin is not allowed to set `field` to this `value`.
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

/// Removes the fields that a plugin is not allowed to set.
pub(super) fn remove_reserved(headers: &mut HeaderMap) {
    if !headers.iter().any(|(name, value)| is_reserved(name, value)) {
        return;
    }
    let mut name = None;
    let kept = std::mem::take(headers)
        .into_iter()
        .filter_map(|(next, value)| {
            // The iterator yields a field's name with its first value only.
            name = next.or(name.take());
            let field = name.clone()?;
            (!is_reserved(&field, &value)).then_some((field, value))
        });
    kept.for_each(|(field, value)| {
        headers.append(field, value);
    });
}

/// Returns whether a browser would send back this `Set-Cookie` value under a name reserved for the
/// host. Browsers trim whitespace, and send a cookie without a name as its value alone.
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
