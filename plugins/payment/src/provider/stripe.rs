//! Stripe's API over HTTP: form-encoded requests, an idempotency key on each
//! that changes something, a pinned version.

use std::time::Duration;

use edge_sdk::outbound::Request;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::receipt::{self, Receipt};
use super::reply::{Reply, Unanswered};
use crate::model::Attempt;

/// The version of the API whose replies this code reads.
const VERSION: &str = "2024-06-20";

/// To connect, and again for each piece of the answer: together less than the
/// plugin's own deadline.
const TIMEOUT: Duration = Duration::from_secs(12);

/// Longest answer; a charge takes about 3 KiB.
const MAX_REPLY_BYTES: usize = 256 << 10;

const FORM: &str = "application/x-www-form-urlencoded";

/// A Stripe account.
pub struct Stripe {
    key: String,
    base: String,
}

/// Never shows the key.
impl std::fmt::Debug for Stripe {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Stripe at {}", self.base)
    }
}

#[derive(Deserialize)]
struct Search {
    data: Vec<Box<RawValue>>,
}

impl Stripe {
    /// Returns the account of this secret key, at this address.
    #[must_use]
    pub fn new(key: String, base: &str) -> Self {
        Self {
            key,
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// Returns whether the key is one for real money.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.key.starts_with("sk_live_") || self.key.starts_with("rk_live_")
    }

    /// Charges a card.
    ///
    /// # Errors
    /// When there is no answer; the card may have been charged.
    pub fn charge(&self, attempt: &Attempt, token: &str) -> Result<Reply, Unanswered> {
        self.post(
            "/v1/charges",
            &attempt.charge_key(),
            charge_form(attempt, token),
        )
    }

    /// Refunds a charge, all of it.
    ///
    /// # Errors
    /// When there is no answer; the charge may have been refunded.
    pub fn refund(&self, attempt: &Attempt, charge_id: &str) -> Result<Reply, Unanswered> {
        self.post(
            "/v1/refunds",
            &attempt.refund_key(charge_id),
            refund_form(attempt, charge_id),
        )
    }

    /// Searches for a charge that the attempt made.
    ///
    /// # Errors
    /// When Stripe does not say.
    pub fn find(&self, attempt: &Attempt) -> Result<Option<Receipt>, Unanswered> {
        let url = format!("{}/v1/charges/search?{}", self.base, search_query(attempt));
        let reply = self.send(Request::get(url))?;
        if reply.status != 200 {
            return Err(Unanswered(format!("the search: HTTP {}", reply.status)));
        }
        found(attempt, &reply.body)
    }

    fn post(&self, path: &str, key: &str, form: String) -> Result<Reply, Unanswered> {
        let request = Request::post(format!("{}{path}", self.base), FORM, form);
        self.send(request.header("idempotency-key", key))
    }

    fn send(&self, request: Request) -> Result<Reply, Unanswered> {
        let response = request
            .header("authorization", format!("Bearer {}", self.key))
            .header("stripe-version", VERSION)
            .timeout(TIMEOUT)
            .most_bytes(MAX_REPLY_BYTES)
            .send()
            .map_err(|error| Unanswered(error.to_string()))?;
        let body = String::from_utf8(response.body)
            .map_err(|_| Unanswered("the answer is not UTF-8".to_owned()))?;
        Ok(Reply {
            status: response.status,
            body,
        })
    }
}

fn form(fields: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn charge_form(attempt: &Attempt, token: &str) -> String {
    let amount = attempt.amount.to_string();
    let asked = [
        ("amount", amount.as_str()),
        ("currency", &attempt.currency),
        ("source", token),
        ("description", &attempt.description),
    ];
    let asked = asked.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let written = receipt::metadata(attempt).into_iter();
    let written = written.map(|(name, value)| (format!("metadata[{name}]"), value));
    form(asked.into_iter().chain(written))
}

fn refund_form(attempt: &Attempt, charge_id: &str) -> String {
    let order_id = attempt.order_id.to_string();
    form([("charge", charge_id), ("metadata[order_id]", &order_id)])
}

fn search_query(attempt: &Attempt) -> String {
    let written = receipt::metadata(attempt).into_iter();
    let clauses = written.map(|(name, value)| format!("metadata['{name}']:'{value}'"));
    let query = clauses.collect::<Vec<_>>().join(" AND ");
    form([("query", query)])
}

/// Returns the attempt's charge among those found: one that succeeded, if there
/// is one.
fn found(attempt: &Attempt, body: &str) -> Result<Option<Receipt>, Unanswered> {
    let unreadable = |error| Unanswered(format!("an unreadable search: {error}"));
    let search: Search = serde_json::from_str(body).map_err(unreadable)?;
    let mut best: Option<Receipt> = None;
    for text in &search.data {
        let receipt = Receipt::read(text.get()).map_err(unreadable)?;
        let ours = receipt.charge.belongs_to(attempt);
        let better = best.is_none() || receipt.charge.succeeded();
        if ours && better {
            best = Some(receipt);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::receipt::tests::charge;
    use super::*;
    use crate::model::tests::{attempt, old_attempt};

    fn decoded(form: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(form.as_bytes())
            .into_owned()
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_charge_is_a_form_with_brackets() {
        let attempt = Attempt {
            description: "Order #7 & more = fünf+".to_owned(),
            ..attempt()
        };
        let expected = [
            pair("amount", "1499"),
            pair("currency", "usd"),
            pair("source", "tok_visa&amount=1"),
            pair("description", "Order #7 & more = fünf+"),
            pair("metadata[order_id]", "7"),
            pair("metadata[attempt]", "2"),
            pair("metadata[shop]", "s1"),
        ];
        assert_eq!(
            decoded(&charge_form(&attempt, "tok_visa&amount=1")),
            expected
        );
    }

    #[test]
    fn a_refund_names_the_charge() {
        let expected = [pair("charge", "ch_1"), pair("metadata[order_id]", "7")];
        assert_eq!(decoded(&refund_form(&attempt(), "ch_1")), expected);
    }

    #[test]
    fn a_search_is_for_the_attempt() {
        let query = "metadata['order_id']:'7' AND metadata['attempt']:'2'";
        assert_eq!(
            decoded(&search_query(&old_attempt())),
            [pair("query", query)]
        );
        let query = format!("{query} AND metadata['shop']:'s1'");
        assert_eq!(decoded(&search_query(&attempt())), [pair("query", &query)]);
    }

    #[test]
    fn a_search_finds_the_charge_that_succeeded() {
        let search = |charges: &[Value]| found(&attempt(), &json!({"data": charges}).to_string());
        let failed = charge(&json!({"id": "ch_0", "paid": false, "status": "failed"}));
        let other = json!({"order_id": "7", "attempt": "2", "shop": "s2"});
        let other = charge(&json!({"id": "ch_2", "metadata": other}));
        let ours = charge(&json!({}));
        let id = |found: Option<Receipt>| found.map(|receipt| receipt.charge.id);
        assert_eq!(id(search(&[]).unwrap()), None);
        assert_eq!(id(search(std::slice::from_ref(&other)).unwrap()), None);
        let all = [other, failed.clone(), ours, failed.clone()];
        assert_eq!(id(search(&all).unwrap()), Some("ch_1".to_owned()));
        assert_eq!(id(search(&[failed]).unwrap()), Some("ch_0".to_owned()));
        assert!(found(&attempt(), "{\"data\": [{}]}").is_err());
    }

    #[test]
    fn the_key_tells_whether_money_is_real_and_is_never_shown() {
        let stripe = |key: &str| Stripe::new(key.to_owned(), "http://localhost:1/");
        assert!(stripe("sk_live_x").is_live());
        assert!(!stripe("sk_test_x").is_live());
        assert_eq!(
            format!("{:?}", stripe("sk_live_x")),
            "Stripe at http://localhost:1"
        );
    }
}
