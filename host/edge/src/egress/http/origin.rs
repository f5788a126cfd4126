//! Origins that a plugin may call: scheme, host and port.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use url::Url;

/// Error of a text that has no origin. The text may hold a secret, so the message does not quote
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an absolute http or https URL without a user")]
pub struct OriginError;

/// Scheme, host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// Host in lower case; an IPv6 address is in brackets.
    host: String,
    port: u16,
}

impl FromStr for Origin {
    type Err = OriginError;

    /// Parses the origin of a URL, whatever its path.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        match (url.scheme(), url.host_str(), url.port_or_known_default()) {
            ("http" | "https", Some(host), Some(port)) if is_plain => Ok(Self {
                scheme: url.scheme().to_owned(),
                host: host.to_owned(),
                port,
            }),
            _ => Err(OriginError),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl Origin {
    /// Returns whether `uri` has this origin. One with user information (`user@host`) has none,
    /// since such URLs are used to mislead.
    #[must_use]
    pub fn holds(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else {
            return false;
        };
        let port = match (authority.port(), uri.scheme_str()) {
            (Some(_), _) => authority.port_u16(),
            (None, Some("http")) => Some(80),
            (None, Some("https")) => Some(443),
            _ => None,
        };
        uri.scheme_str() == Some(self.scheme.as_str())
            && authority.host().eq_ignore_ascii_case(&self.host)
            && port == Some(self.port)
            && !authority.as_str().contains('@')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(origin: &str, uri: &str) -> bool {
        let origin: Origin = origin.parse().expect("an origin");
        uri.parse::<Uri>().is_ok_and(|uri| origin.holds(&uri))
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (origin, uri) in [
            (
                "https://api.stripe.com",
                "https://api.stripe.com/v1/charges?a=b",
            ),
            ("https://api.stripe.com", "https://API.Stripe.com:443"),
            ("https://api.stripe.com/v1", "https://api.stripe.com/v2"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/"),
            ("http://[::1]:9000", "http://[::1]:9000/"),
            ("http://Localhost", "http://localhost:80/"),
        ] {
            assert!(holds(origin, uri), "{origin} {uri}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_another() {
        for uri in [
            "http://api.stripe.com/",
            "https://api.stripe.com:8443/",
            "https://api.stripe.com./",
            "https://api.stripe.com.evil.example/",
            "https://evil.example/api.stripe.com",
            "https://api.stripe.com@evil.example/",
            "https://user@api.stripe.com/",
            "https://user:pass@api.stripe.com/",
            "https://stripe.com/",
            "/v1/charges",
            "ftp://api.stripe.com/",
        ] {
            assert!(!holds("https://api.stripe.com", uri), "{uri}");
        }
        assert!(!holds("http://127.0.0.1:9000", "http://localhost:9000/"));
        assert!(!holds("http://127.0.0.1:9000", "http://127.1:9000/"));
    }

    #[test]
    fn not_every_text_has_one() {
        for text in [
            "",
            "api.stripe.com",
            "ftp://a.b",
            "https://",
            "https://u:p@a.b",
            "/a",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text}");
        }
    }
}
