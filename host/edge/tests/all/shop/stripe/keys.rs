//! Idempotency keys, as Stripe treats them: what began to run is repeated for
//! its key, errors included.

use std::collections::HashMap;

use super::api::Answer;

/// What a key was used for, and what came of it.
struct Use {
    request: String,
    /// None while the request is being worked on.
    answer: Option<Answer>,
}

/// The keys that were ever used.
#[derive(Default)]
pub(super) struct Keys(HashMap<String, Use>);

impl Keys {
    /// The answer that a request gets by its key alone. Without one, the
    /// request is to be worked on, and the key is in use until [`Self::end`].
    pub(super) fn begin(&mut self, key: &str, request: &str) -> Option<Answer> {
        let Some(earlier) = self.0.get(key) else {
            let request = request.to_owned();
            let answer = None;
            self.0.insert(key.to_owned(), Use { request, answer });
            return None;
        };
        if earlier.request != request {
            return Some(Answer::error(400, "idempotency_error", "", ""));
        }
        let in_use = || Answer::error(409, "idempotency_error", "idempotency_key_in_use", "");
        Some(earlier.answer.clone().unwrap_or_else(in_use))
    }

    /// Keep the answer.
    pub(super) fn end(&mut self, key: &str, answer: Answer) {
        if let Some(used) = self.0.get_mut(key) {
            used.answer = Some(answer);
        }
    }
}
