//! Ids in paths: whatever a client puts there, it gets the contract's
//! envelope.

use http::Method;

use super::refusals::{BAD_ID, ID_ROUTES};
use crate::catalog::shop::{Shop, encoded};

/// What is not an id, as it stands in a path.
const NO_IDS: [&str; 34] = [
    "0",
    "00",
    "-0",
    "-1",
    "1.5",
    "1.0",
    "1e3",
    "1e309",
    "NaN",
    "Infinity",
    "+1",
    "%2B1",
    "%201",
    "1%20",
    "%20",
    "0x10",
    "%D9%A1",
    "%EF%BC%91",
    "1_000",
    "1,000",
    "%22%22",
    "%221%22",
    "null",
    "true",
    "[]",
    "%7B%7D",
    "abc",
    "%00",
    "1%00",
    "%0A",
    "1;x",
    "..%2F1",
    "1%2F1",
    "%3Cscript%3E",
];

/// What is not even text once decoded.
const NO_TEXT: [&str; 4] = ["%ff", "1%c3", "%ED%A0%80", "%F5%80%80%80"];

/// Ids that nothing has.
const UNKNOWN: [&str; 5] = [
    "999999",
    "2147483647",
    "2147483648",
    "4294967297",
    "9223372036854775807",
];

/// More than an id can be.
const TOO_LARGE: [&str; 3] = [
    "9223372036854775808",
    "18446744073709551617",
    "99999999999999999999999999999999999999999",
];

#[tokio::test]
async fn what_is_not_an_id_is_refused_and_what_nothing_has_is_not_found() {
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    let injection = encoded("1 OR 1=1; DROP TABLE product; --");
    let long = "1".repeat(4000);
    let more = [uuid, &injection, &long];
    for shop in Shop::both().await {
        for (before, after, parameter, not_found) in ID_ROUTES {
            let bad = BAD_ID.of(parameter);
            for id in NO_IDS.iter().chain(&NO_TEXT).chain(&TOO_LARGE).chain(&more) {
                let path = format!("{before}{id}{after}");
                shop.assert_refused(Method::GET, &path, &bad).await;
            }
            for id in UNKNOWN {
                let path = format!("{before}{id}{after}");
                shop.assert_refused(Method::GET, &path, &not_found).await;
            }
            let plain = shop.json(&format!("{before}1{after}")).await;
            for id in ["01", "0000001", "%31"] {
                let path = format!("{before}{id}{after}");
                shop.assert_json(&path, &plain).await;
            }
        }
        shop.json("/products").await;
    }
}
