//! Settings of cross-origin resource sharing (CORS): which web pages of other
//! origins may use the shop.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use url::Url;

use super::layers::Layers;
use super::values::{duration, switch};

/// Cross-origin requests that browsers are told to allow.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Origins that are allowed.
    pub origins: Origins,
    /// Methods that are allowed.
    pub methods: Vec<Method>,
    /// Header fields that requests may have.
    pub headers: Vec<HeaderName>,
    /// True if requests may carry credentials, such as cookies.
    pub credentials: bool,
    /// Time for which a browser may cache the answer to a preflight request.
    pub max_age: Duration,
}

/// Origins of pages that may use the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Any origin.
    Any,
    /// Listed origins, as browsers write them in `Origin`.
    These(Vec<HeaderValue>),
}

/// Methods that the host accepts, except `OPTIONS`, which pages do not need.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Header fields that the shop's own clients send.
const HEADERS: [HeaderName; 4] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("user-key"),
];

const MAX_AGE: Duration = Duration::from_secs(600);

impl Cors {
    /// Takes these settings out of `layers`; `None` when no origin is set.
    pub(super) fn take(layers: &mut Layers) -> Option<Self> {
        let origins = layers.take("cors_origins", None, origins);
        let any = origins == Some(Origins::Any);
        let methods = layers.take("cors_methods", METHODS.into(), methods);
        let headers = layers.take("cors_headers", HEADERS.into(), headers);
        let credentials = layers.take("cors_credentials", false, |text| match switch(text)? {
            true if any => Err("is `on` while cors_origins is `*`, which browsers refuse".into()),
            credentials => Ok(credentials),
        });
        let max_age = layers.take("cors_max_age", MAX_AGE, duration);
        Some(Self {
            origins: origins?,
            methods,
            headers,
            credentials,
            max_age,
        })
    }
}

fn origins(text: &str) -> Result<Option<Origins>, String> {
    if text.trim() == "*" {
        return Ok(Some(Origins::Any));
    }
    let origins: Result<Vec<_>, String> = names(text).map(origin).collect();
    let origins = origins?;
    Ok((!origins.is_empty()).then_some(Origins::These(origins)))
}

/// Parses an origin. It is compared byte by byte, so only the one form that
/// browsers send is accepted.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong = || {
        format!(
            "holds {text:?}, which is no origin as browsers write it, \
             such as https://shop.example or http://localhost:3000"
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    // A `*` in a host parses, but browsers do not treat it as a wildcard.
    if !is_web || text.contains('*') || url.origin().ascii_serialization() != text {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

fn methods(text: &str) -> Result<Vec<Method>, String> {
    let method = |name: &str| {
        let known = METHODS.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| {
            format!("holds {name:?}, which is none of GET, HEAD, POST, PUT, PATCH and DELETE")
        })
    };
    names(text).map(method).collect()
}

fn headers(text: &str) -> Result<Vec<HeaderName>, String> {
    let header = |name: &str| {
        let known = name.parse();
        known.map_err(|_| format!("holds {name:?}, which is not the name of a header field"))
    };
    names(text).map(header).collect()
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let two = origins("https://shop.example, http://localhost:3000").expect("two");
        assert!(matches!(two, Some(Origins::These(two)) if two.len() == 2));
        assert_eq!(origins("*"), Ok(Some(Origins::Any)));
        assert_eq!(origins(" "), Ok(None));
        let wrong = [
            "shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://Shop.example",
            "https://shop.example:443",
            "https://user@shop.example",
            "ftp://shop.example",
            "null",
            "https://*.example",
            "*, https://shop.example",
        ];
        for text in wrong {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn methods_and_fields_are_known_by_name() {
        assert_eq!(methods("GET, PUT"), Ok(vec![Method::GET, Method::PUT]));
        for text in ["get", "OPTIONS", "TRACE", "GET POST"] {
            assert!(methods(text).is_err(), "{text}");
        }
        assert_eq!(
            headers("Content-Type"),
            Ok(vec![CONTENT_TYPE]),
            "in any case of letters"
        );
        assert!(headers("x y").is_err_and(|why| why.contains("x y")));
    }
}
