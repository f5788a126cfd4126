//! Routes by who is asking: for everybody, for whoever has logged in, and for one role.
//!
//! The host verifies the token of a request before it calls the plugin, so nothing is granted here.

use edge_sdk::context::Caller;
use edge_sdk::{Request, Response, Result, Router};
use serde::Serialize;

edge_sdk::export!(router);

fn router() -> Router {
    Router::new()
        .get("/who", anybody)
        .get("/who/me", me)
        .get("/who/merchants", merchants)
}

#[derive(Serialize)]
struct Person<'a> {
    id: i64,
    name: &'a str,
}

/// `GET /who` is for everybody.
fn anybody(request: &Request) -> Result<Response> {
    Response::json_no_store(match request.caller() {
        Caller::Anonymous => "no token",
        Caller::Rejected => "an invalid token",
        Caller::Verified(_) => "a valid token",
    })
}

/// `GET /who/me` is for callers with a valid token; others get a 401.
fn me(request: &Request) -> Result<Response> {
    let principal = request.principal()?;
    Response::json_no_store(&Person {
        id: principal.id,
        name: &principal.name,
    })
}

/// `GET /who/merchants` is for the role `merchant`; callers with another role get a 403.
fn merchants(request: &Request) -> Result<Response> {
    let merchant = request.principal_with_role("merchant")?;
    Response::json_no_store(&format!("welcome, {}", merchant.name))
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    fn status(request: testing::Request) -> u16 {
        match router().dispatch(request) {
            Ok(response) => response.status,
            Err(failure) => failure.status,
        }
    }

    #[test]
    fn each_route_admits_its_callers() {
        let get = testing::get;
        let customer = |path| testing::as_principal(get(path), 7, "customer");
        let merchant = |path| testing::as_principal(get(path), 8, "merchant");
        for (path, expected) in [
            ("/who", [200, 200, 200, 200]),
            ("/who/me", [401, 401, 200, 200]),
            ("/who/merchants", [401, 401, 403, 200]),
        ] {
            let requests = [
                get(path),
                testing::with_bad_token(get(path)),
                customer(path),
                merchant(path),
            ];
            assert_eq!(requests.map(status), expected, "{path}");
        }
    }
}
