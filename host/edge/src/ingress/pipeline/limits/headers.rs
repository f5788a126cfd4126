//! Header fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), with
//! one item for each limit that counted.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use stores::limiter::{Policy, Verdict};

use crate::ingress::error_response::seconds;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Writes the policy and the verdict of each limit.
pub(super) fn write(counted: &[(String, Policy, Verdict)], headers: &mut HeaderMap) {
    for (name, policy, verdict) in counted {
        let window = seconds(policy.window()).max(1);
        let quota = policy.quota();
        append(headers, POLICY, format!("\"{name}\";q={quota};w={window}"));
        let (remaining, reset) = (verdict.remaining, seconds(verdict.reset));
        append(
            headers,
            LIMIT,
            format!("\"{name}\";r={remaining};t={reset}"),
        );
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, text: String) {
    // Names of limits are plain ASCII, so the text is always a valid value.
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_limit_is_one_item() {
        let policy = Policy::new("a", 100, Duration::from_secs(60), 100).expect("sound");
        let verdict = Verdict {
            allowed: true,
            remaining: 50,
            reset: Duration::from_millis(29_001),
            retry_after: Duration::ZERO,
        };
        let mut headers = HeaderMap::new();
        write(&[("default".into(), policy, verdict)], &mut headers);
        assert_eq!(headers[POLICY], "\"default\";q=100;w=60");
        assert_eq!(headers[LIMIT], "\"default\";r=50;t=30");
    }
}
