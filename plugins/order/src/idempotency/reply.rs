//! Answers that are kept and given again.

use edge_sdk::{Failure, Response, Result};
use serde::{Deserialize, Serialize};

const JSON: &str = "application/json; charset=utf-8";

/// An answer as it is kept: a status, and JSON. That of a refusal is the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

/// The error envelope, as the host writes it to clients that accept no other form.
#[derive(Deserialize, Serialize)]
struct Envelope<F> {
    error: F,
}

impl Reply {
    /// Returns what to keep of an outcome; nothing of one that another try may
    /// change.
    pub(super) fn from_outcome(outcome: &Result<Response>) -> Option<Self> {
        match outcome {
            Ok(response) => Some(Self {
                status: response.status(),
                body: String::from_utf8(response.body().to_vec()).ok()?,
            }),
            Err(failure) if is_final(failure.status()) => Some(Self {
                status: failure.status(),
                body: serde_json::to_string(&Envelope { error: failure }).ok()?,
            }),
            Err(_) => None,
        }
    }

    /// Returns the outcome that was kept, marked as a replayed one. The host writes
    /// a refusal in the form that this client accepts.
    pub(super) fn into_outcome(self) -> Result<Response> {
        match self.refusal() {
            Some(failure) => Err(failure
                .header("cache-control", "no-store")
                .header("idempotent-replayed", "true")),
            None => Ok(Response::new(self.status, JSON, self.body)
                .no_store()
                .header("idempotent-replayed", "true")),
        }
    }

    fn refusal(&self) -> Option<Failure> {
        if self.status < 400 {
            return None;
        }
        let envelope: Envelope<Failure> = serde_json::from_str(&self.body).ok()?;
        Some(envelope.error)
    }
}

/// Returns whether the same request will always get this refusal.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 401 | 408 | 429)
}

#[cfg(test)]
mod tests {
    use edge_sdk::wit;
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_and_final_refusals_are_kept() {
        let answer = Reply::from_outcome(&Response::json(&[1]));
        let expected = Reply {
            status: 200,
            body: "[1]".to_owned(),
        };
        assert_eq!(answer, Some(expected));
        let refusal = Failure::new(409, "ORD_03", "Out of \"stock\".").field("cart_id");
        let body = Reply::from_outcome(&Err(refusal)).unwrap().body;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = json!({"error": {
            "status": 409, "code": "ORD_03", "message": "Out of \"stock\".", "field": "cart_id",
        }});
        assert_eq!(body, expected);
    }

    #[test]
    fn what_another_try_may_change_is_not() {
        for status in [401, 408, 429, 500, 503, 504] {
            let outcome = Err(Failure::new(status, "X_01", ""));
            assert_eq!(Reply::from_outcome(&outcome), None, "{status}");
        }
    }

    fn replayed() -> (String, String) {
        ("idempotent-replayed".to_owned(), "true".to_owned())
    }

    fn no_store() -> (String, String) {
        ("cache-control".to_owned(), "no-store".to_owned())
    }

    #[test]
    fn a_replayed_answer_says_so() {
        for status in [200, 404] {
            let reply = Reply {
                status,
                body: "{}".to_owned(),
            };
            let response = wit::Response::from(reply.into_outcome().unwrap());
            assert_eq!((response.status, response.body), (status, b"{}".to_vec()));
            assert!(response.headers.contains(&replayed()));
            assert!(response.headers.contains(&no_store()));
        }
    }

    #[test]
    fn a_refusal_is_replayed_as_one() {
        let refusal = Failure::new(409, "ORD_03", "Out of \"stock\".").field("cart_id");
        let reply = Reply::from_outcome(&Err(refusal)).unwrap();
        let failure = wit::Failure::from(reply.into_outcome().unwrap_err());
        let expected = wit::Failure {
            status: 409,
            code: "ORD_03".to_owned(),
            message: "Out of \"stock\".".to_owned(),
            field: Some("cart_id".to_owned()),
            headers: vec![no_store(), replayed()],
        };
        assert_eq!(failure, expected);
    }
}
