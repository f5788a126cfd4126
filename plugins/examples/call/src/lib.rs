//! A plugin that calls another one: it asks `callee` for a price, by a typed interface.

use edge_sdk::{Failure, Request, Response, Result, Router};
use serde::Serialize;

edge_sdk::wit_bindings! {
    mod bindings;

    inline: "
        package example:call;

        world call {
            import example:prices/prices@0.1.0;
        }
    ",
    path: "../callee/wit",
}

use bindings::example::prices::prices::{self, Error};

edge_sdk::export!(router);

const NOT_SOLD: Failure = Failure::new(404, "TOTAL_01", "Nothing of this name is sold.");
const NO_PRICES: Failure = Failure::new(503, "TOTAL_02", "Prices are not available right now.");

fn router() -> Router {
    Router::new().get("/total", total)
}

#[derive(Serialize)]
struct Total {
    cents: u64,
}

/// `GET /total?item=mug&count=2`
fn total(request: &Request) -> Result<Response> {
    let item = request
        .query("item")?
        .ok_or_else(|| Failure::missing(&["item"]))?;
    let count = request.query_natural("count")?.unwrap_or(1);
    // Looks like a local function. The host finds the plugin that exports it.
    let price = prices::find(&item)?;
    Response::json(&Total {
        cents: count.saturating_mul(price.into()),
    })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => NOT_SOLD.field("item"),
            // The other plugin failed, or may not be called. The reason is for the log.
            Error::Denied(reason) | Error::Unavailable(reason) => {
                eprintln!("ERROR: prices: {reason}");
                NO_PRICES.header("retry-after", "1")
            }
        }
    }
}

// There is no other plugin in a unit test: these cover what surrounds the call.
#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    #[test]
    fn an_item_is_named() {
        let failure = router().dispatch(testing::get("/total")).unwrap_err();
        assert_eq!(
            (failure.status, failure.field.as_deref()),
            (400, Some("item"))
        );
    }

    #[test]
    fn each_error_of_the_interface_has_a_status() {
        let status = |error| Failure::from(error).status();
        assert_eq!(status(Error::Unknown), 404);
        assert_eq!(status(Error::Unavailable("deadline".to_owned())), 503);
        assert_eq!(status(Error::Denied("not a caller".to_owned())), 503);
    }
}
