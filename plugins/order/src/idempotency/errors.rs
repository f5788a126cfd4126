//! Refusals of requests with an idempotency key.

use edge_sdk::Failure;

/// Refusal of a key that was used for another body.
pub const OTHER_BODY: Failure = Failure::new(
    422,
    "IDM_02",
    "This Idempotency-Key was used with another body.",
);

/// Refusal of a key whose first request is still being worked on; see
/// [`in_flight`].
const IN_FLIGHT: Failure = Failure::new(
    409,
    "IDM_01",
    "A request with this Idempotency-Key is being worked on.",
);

/// Returns the refusal of a request whose key is being worked on, with the time
/// after which to ask again.
#[must_use]
pub fn in_flight() -> Failure {
    IN_FLIGHT.header("retry-after", "1")
}
