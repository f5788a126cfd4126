//! A plugin that other plugins call: it exports the interface of `wit/prices.wit`.

use edge_sdk::{Failure, Request, Response, Result, Router};

// Generates the module `bindings` from the WIT file.
edge_sdk::wit_bindings! {
    mod bindings;

    inline: "
        package example:callee;

        world callee {
            export example:prices/prices@0.1.0;
        }
    ",
    path: "wit",
}

use bindings::exports::example::prices::prices::{Error, Guest};

edge_sdk::export!(router);
edge_sdk::export_service!(Prices, bindings);

const NOT_SOLD: Failure = Failure::new(404, "PRICE_01", "Nothing of this name is sold.");

/// The service that other plugins call.
struct Prices;

impl Guest for Prices {
    fn find(item: String) -> Result<u32, Error> {
        price(&item).ok_or(Error::Unknown)
    }
}

fn router() -> Router {
    Router::new().get("/prices/{item}", show)
}

/// `GET /prices/mug`, for clients.
fn show(request: &Request) -> Result<Response> {
    let price = price(request.param("item")?).ok_or(NOT_SOLD)?;
    Response::json(&price)
}

/// Returns the price of an item in cents.
fn price(item: &str) -> Option<u32> {
    match item {
        "mug" => Some(1490),
        "shirt" => Some(2400),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sold_is_unknown() {
        assert_eq!(Prices::find("mug".to_owned()).ok(), Some(1490));
        let unknown = Prices::find("castle".to_owned());
        assert!(matches!(unknown, Err(Error::Unknown)));
    }
}
