//! Answers that are kept and given again.

use edge_sdk::{Failure, Response, Result};
use serde::Serialize;

const JSON: &str = "application/json; charset=utf-8";

/// An answer as it is kept: a status, and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Refusal<'a>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
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
            Err(failure) if is_final(failure.status()) => Self::refusal(failure),
            Err(_) => None,
        }
    }

    /// Returns the envelope that the host makes of a failure.
    fn refusal(failure: &Failure) -> Option<Self> {
        let error = Refusal {
            status: failure.status(),
            code: failure.code(),
            message: failure.message(),
            field: failure.faulty_field(),
        };
        Some(Self {
            status: failure.status(),
            body: serde_json::to_string(&Envelope { error }).ok()?,
        })
    }

    /// Returns the reply, marked as a replayed one.
    pub(super) fn into_response(self) -> Response {
        Response::new(self.status, JSON, self.body)
            .header("cache-control", "no-store")
            .header("idempotent-replayed", "true")
    }
}

/// Returns whether the same request will always get this refusal.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 401 | 408 | 429)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_replayed_answer_says_so() {
        let reply = Reply {
            status: 404,
            body: "{}".to_owned(),
        };
        let response = edge_sdk::wit::Response::from(reply.into_response());
        assert_eq!(response.status, 404);
        let expected = ("idempotent-replayed".to_owned(), "true".to_owned());
        assert!(response.headers.contains(&expected));
    }
}
