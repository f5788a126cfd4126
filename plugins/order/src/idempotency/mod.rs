//! The `Idempotency-Key` of a request: the same key does the same work once,
//! and gets the same answer again, for 24 hours.

mod errors;
mod key;
mod record;
mod reply;

use edge_sdk::{Fields, Response, Result};

pub use errors::{OTHER_BODY, in_flight};
pub use key::{Key, key};
pub use record::{
    ADD, COMPLETE, Claim, FIND, FORGET, FORGET_REST, NOTE, OLD, RELEASE, RENEW, TAKE_OVER,
    delete_old,
};

use record::Verdict;
use reply::Reply;

/// Does the work, unless it was done before under this key of the customer's:
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
        Verdict::Replay(reply) => return reply.into_outcome(),
    };
    let outcome = work(&claim);
    let kept = match Reply::from_outcome(&outcome) {
        Some(reply) => claim.complete(&reply),
        None => claim.release(),
    };
    if let Err(error) = kept {
        // The work stands; its lock will be taken over in a minute.
        eprintln!("the answer under an idempotency key was not kept: {error}");
    }
    outcome
}
