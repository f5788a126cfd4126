//! Clients that ask again until they know.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::harness::{Reply, in_time};
use crate::shop::Shopper;

/// Refusals after which the same request may succeed: a request that is being
/// worked on, an order that is being paid, an outcome that is not known yet.
const NOT_YET: [&str; 3] = ["IDM_01", "PAY_04", "PAY_05"];

/// Whether the reply says that it is worth asking again.
pub fn is_temporary(reply: &Reply) -> bool {
    matches!(reply.status, 429 | 503 | 504) || NOT_YET.contains(&code(reply).as_str())
}

/// Check that a charge has succeeded, or that its outcome came too late for the
/// reply.
#[track_caller]
pub fn assert_charged(reply: &Reply) {
    assert!(reply.status == 200 || is_temporary(reply), "{reply:?}");
}

/// The code of a refusal, empty for a success.
pub fn code(reply: &Reply) -> String {
    let reply: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = reply["error"]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

/// POST until the reply is final.
pub async fn post(shopper: &Shopper<'_>, path: &str, key: Option<&str>, fields: &Value) -> Reply {
    let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", *key)).collect();
    in_time(path, async {
        loop {
            let reply = shopper.ask_with(Method::POST, path, &headers, fields);
            let reply = reply.await;
            if !is_temporary(&reply) {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
