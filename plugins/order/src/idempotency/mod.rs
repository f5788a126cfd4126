//! The `Idempotency-Key` of a request: the same key does the same work once,
//! and gets the same answer again, for 24 hours.

mod key;
mod record;
mod reply;

use edge_sdk::{Failure, Fields, Response, Result};

pub use key::{Key, key};
pub use record::{
    ADD, COMPLETE, Claim, FIND, FORGET, FORGET_REST, NOTE, OLD, RELEASE, RENEW, TAKE_OVER,
    delete_old,
};

use record::Verdict;
use reply::Reply;

/// The first request with this key is still being worked on; see [`in_flight`].
const IN_FLIGHT: Failure = Failure::new(
    409,
    "IDM_01",
    "A request with this Idempotency-Key is being worked on.",
);

/// The refusal of a request whose key is being worked on, with the time after
/// which to ask again.
#[must_use]
pub fn in_flight() -> Failure {
    IN_FLIGHT.header("retry-after", "1")
}

/// The key was used for another body.
pub const OTHER_BODY: Failure = Failure::new(
    422,
    "IDM_02",
    "This Idempotency-Key was used with another body.",
);

/// Do the work, unless it was done before under this key of the customer's:
/// then its answer is given again.
///
/// # Errors
/// Those of the work; [`in_flight`] and [`OTHER_BODY`].
pub fn once(
    customer_id: i64,
    key: &Key,
    fields: &Fields,
    work: impl FnOnce(&Claim) -> Result<Response>,
) -> Result<Response> {
    let claim = match record::claim(customer_id, key, &key::fingerprint(fields))? {
        Verdict::Run(claim) => claim,
        Verdict::Replay(reply) => return Ok(reply.into_response()),
    };
    let outcome = work(&claim);
    let kept = match Reply::of(&outcome) {
        Some(reply) => claim.complete(&reply),
        None => claim.release(),
    };
    if let Err(error) = kept {
        // The work stands; its lock will be taken over in a minute.
        eprintln!("the answer under an idempotency key was not kept: {error}");
    }
    outcome
}
