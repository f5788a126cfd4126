//! A call to another server by HTTP: the quote of the day, from the server that the operator chose.

use std::time::Duration;

use edge_sdk::outbound::{self, Error};
use edge_sdk::{Failure, Request, Response, Result, Router, config};

edge_sdk::export!(router);

/// How long the server may take to connect, and then for each part of its response: less than the
/// 5 s that a request has by default, so that there is time left for an answer.
const TIMEOUT: Duration = Duration::from_secs(3);

const NOT_SET: Failure = Failure::new(503, "QUOTE_01", "No server of quotes is set.");
const BAD_GATEWAY: Failure = Failure::new(502, "QUOTE_02", "The server of quotes failed.");

fn router() -> Router {
    Router::new().get("/quote", quote)
}

/// `GET /quote`
fn quote(_: &Request) -> Result<Response> {
    let url = config::get("QUOTE_URL")?.ok_or(NOT_SET)?;
    let response = outbound::Request::get(url)
        .timeout(TIMEOUT)
        .send()
        .map_err(bad_gateway)?;
    reply(response)
}

/// Passes a quote on to the client.
fn reply(response: outbound::Response) -> Result<Response> {
    if response.status != 200 {
        eprintln!("ERROR: quotes: status {}", response.status);
        return Err(BAD_GATEWAY);
    }
    Ok(Response::new(
        200,
        "text/plain; charset=utf-8",
        response.body,
    ))
}

/// Turns a call without a response into a 502. The reason is for the log.
fn bad_gateway(error: Error) -> Failure {
    eprintln!("ERROR: quotes: {error}");
    BAD_GATEWAY
}

// A unit test calls no server: these cover what becomes of a response.
#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> outbound::Response {
        outbound::Response {
            status,
            headers: Vec::new(),
            body: b"Well begun is half done.".to_vec(),
        }
    }

    #[test]
    fn a_quote_is_passed_on_and_a_failure_is_a_502() {
        let quote = reply(response(200)).unwrap();
        assert_eq!(quote.body(), b"Well begun is half done.");
        assert_eq!(reply(response(500)).unwrap_err().status(), 502);
        assert_eq!(bad_gateway(Error::Denied).status(), 502);
    }
}
