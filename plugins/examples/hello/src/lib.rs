//! The smallest plugin: one route, one handler.

use edge_sdk::{Request, Response, Result, Router};

// Exports the router: from here on, the crate is a plugin.
edge_sdk::export!(router);

fn router() -> Router {
    Router::new().get("/hello/{name}", hello)
}

/// `GET /hello/Ada`
fn hello(request: &Request) -> Result<Response> {
    // A failure, such as a name that is not UTF-8, ends the handler by `?`: the client gets a 400.
    let name = request.param("name")?;
    let greeting = format!("Hello, {name}!\n");
    Ok(Response::new(200, "text/plain; charset=utf-8", greeting))
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    #[test]
    fn greets_by_name() {
        let response = router().dispatch(testing::get("/hello/Ada")).unwrap();
        assert_eq!(response.body, b"Hello, Ada!\n");
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        let failure = router().dispatch(testing::get("/goodbye")).unwrap_err();
        assert_eq!(failure.status, 404);
    }
}
