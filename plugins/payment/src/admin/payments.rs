//! `/admin/payments`: what merchants see of payments.

use edge_sdk::{Listing, Request, Response, Result, sql};
use serde::{Deserialize, Serialize};

use crate::model::State;

/// Counts all attempts.
pub const COUNT: &str = "SELECT COUNT(*) FROM payment_attempt";

/// Selects a page of all attempts, newest first.
pub const PAGE: &str = "SELECT order_id, number, customer_id, provider, amount, currency, state, reason, \
     charge_id, refund_id, created_on, changed_on \
     FROM payment_attempt ORDER BY attempt_id DESC LIMIT ? OFFSET ?";

/// An attempt, as merchants see it.
#[derive(Debug, Serialize, Deserialize)]
struct Payment {
    order_id: i64,
    number: u32,
    customer_id: i64,
    #[serde(serialize_with = "provider")]
    provider: String,
    #[serde(serialize_with = "money")]
    amount: u64,
    currency: String,
    state: State,
    reason: Option<String>,
    charge_id: Option<String>,
    refund_id: Option<String>,
    created_on: String,
    changed_on: String,
}

/// GET `/admin/payments`.
///
/// # Errors
/// `AUT_03` for anybody but a merchant, `PAG_03` for a malformed page.
pub fn list(request: &Request) -> Result<Response> {
    request.principal_with_role("merchant")?;
    let page = request.page()?;
    let rows: Vec<Payment> = sql::query(PAGE)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all()?;
    let count = sql::query(COUNT).fetch_one()?;
    let response = Response::json(&Listing { count, rows })?;
    Ok(page.link(request, count, response))
}

/// Returns the provider, however attempts call it.
fn provider<S: serde::Serializer>(recorded: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let (name, _) = recorded.split_once('+').unwrap_or((recorded, ""));
    serializer.serialize_str(name)
}

/// Cents as text with two decimals.
fn money<S: serde::Serializer>(cents: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}.{:02}", cents / 100, cents % 100))
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;
    use serde_json::json;

    use super::*;

    #[test]
    fn providers_have_their_own_names() {
        for (recorded, name) in [("stripe", "stripe"), ("sandbox+shop", "sandbox")] {
            assert_eq!(
                provider(recorded, serde_json::value::Serializer).unwrap(),
                name
            );
        }
    }

    #[test]
    fn amounts_are_texts_with_two_decimals() {
        let payment = json!({
            "order_id": 7, "number": 1, "customer_id": 3, "provider": "stripe", "amount": 1405,
            "currency": "usd", "state": "captured", "charge_id": "ch_1",
            "created_on": "2024-05-06T07:08:09.000Z", "changed_on": "2024-05-06T07:08:09.000Z",
        });
        let payment: Payment = serde_json::from_value(payment).unwrap();
        assert_eq!(serde_json::to_value(payment).unwrap()["amount"], "14.05");
    }

    #[test]
    fn only_merchants_see_payments() {
        let router = crate::router();
        let request = testing::get("/admin/payments");
        let refused = |request| router.dispatch(request).unwrap_err().status;
        assert_eq!(refused(request.clone()), 401);
        assert_eq!(refused(testing::as_principal(request, 3, "customer")), 403);
    }
}
