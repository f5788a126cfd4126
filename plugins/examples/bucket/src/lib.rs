//! Values under keys, and counters, in buckets: in Redis, or in the node's own store.

use edge_sdk::keyvalue::Bucket;
use edge_sdk::{Failure, Request, Response, Result, Router};
use serde::Serialize;

edge_sdk::export!(router);

const NO_VALUE: Failure = Failure::new(404, "VALUE_01", "There is no value under this key.");

fn router() -> Router {
    Router::new()
        .get("/values/{key}", get)
        .put("/values/{key}", put)
        .delete("/values/{key}", delete)
        .post("/counters/{key}", count)
}

/// `GET /values/greeting`
fn get(request: &Request) -> Result<Response> {
    let value = Bucket::open("values")?.get(request.param("key")?)?;
    let value = value.ok_or(NO_VALUE)?;
    Ok(Response::new(200, "application/octet-stream", value))
}

/// `PUT /values/greeting` with the value as the body. It ends when the bucket's `ttl` has passed.
fn put(request: &Request) -> Result<Response> {
    Bucket::open("values")?.set(request.param("key")?, request.body())?;
    Ok(Response::empty_object())
}

/// `DELETE /values/greeting`
fn delete(request: &Request) -> Result<Response> {
    Bucket::open("values")?.delete(request.param("key")?)?;
    Ok(Response::empty_object())
}

#[derive(Serialize)]
struct Counter {
    count: i64,
}

/// `POST /counters/visits` adds one. Of requests at the same time, on whatever nodes, each counts.
fn count(request: &Request) -> Result<Response> {
    let count = Bucket::open("counters")?.increment(request.param("key")?, 1)?;
    Response::json(&Counter { count })
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    // There is no store in a unit test.
    #[test]
    fn other_methods_are_refused() {
        let post = testing::request("POST", "/values/greeting");
        let failure = super::router().dispatch(post).unwrap_err();
        assert_eq!(failure.status, 405);
    }
}
