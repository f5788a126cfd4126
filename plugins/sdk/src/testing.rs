//! Requests for the tests of a plugin, which run natively.
//!
//! ```
//! use edge_sdk::{Request, Response, Result, Router, testing};
//!
//! fn hello(_: &Request) -> Result<Response> {
//!     Response::json("hello")
//! }
//!
//! let router = Router::new().get("/hello", hello);
//! let response = router.dispatch(testing::get("/hello?loud=1")).unwrap();
//! assert_eq!(response.body, br#""hello""#);
//! ```
//!
//! There is no database natively: whatever calls [`sql`](crate::sql) there panics. With the
//! feature `node`, `Node` serves the component with real stores.

#[cfg(feature = "node")]
mod node;

#[cfg(feature = "node")]
pub use node::Node;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::wit::{Caller, Principal};
use crate::{Router, header};

pub use crate::handler::given::Request;

/// Returns a GET request for this path, with or without a query.
#[must_use]
pub fn get(target: &str) -> Request {
    request("GET", target)
}

/// Returns a POST request for this path with a body of this content type.
#[must_use]
pub fn post(target: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    let request = with_header(request("POST", target), "content-type", content_type);
    Request {
        body: body.into(),
        ..request
    }
}

/// Returns a request of this method, without headers or body, from an address of nobody.
#[must_use]
pub fn request(method: &str, target: &str) -> Request {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    Request {
        id: "test".to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        headers: Vec::new(),
        body: Vec::new(),
        client: "192.0.2.1".to_owned(),
        caller: Caller::Anonymous,
        time_left: Duration::from_secs(5),
    }
}

/// Returns the request with one more header.
#[must_use]
pub fn with_header(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push(header::field(name, value));
    request
}

/// Returns the request as sent with a token that was verified.
#[must_use]
pub fn as_principal(request: Request, id: i64, role: &str) -> Request {
    let principal = Principal {
        id,
        name: "Test".to_owned(),
        role: role.to_owned(),
    };
    Request {
        caller: Caller::Verified(principal),
        ..request
    }
}

/// Returns the request as sent with an invalid token.
#[must_use]
pub fn with_bad_token(request: Request) -> Request {
    Request {
        caller: Caller::Rejected,
        ..request
    }
}

/// Checks that an OpenAPI description has every route, and no other.
///
/// # Panics
/// If it does not: the test fails.
#[track_caller]
pub fn assert_described(router: &Router, description: &Value) {
    let paths = description.get("paths").and_then(Value::as_object);
    let described: BTreeSet<_> = paths
        .into_iter()
        .flatten()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, _)| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let served: BTreeSet<_> = router
        .routes()
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, served);
}
