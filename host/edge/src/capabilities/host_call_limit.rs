//! Answer of each interface to a request that makes more host calls than its manifest allows.

use crate::bindings::keyvalue::store;
use crate::bindings::{identity, mail, metrics, rate_limit, sql};
use crate::guest::call::TooManyHostCalls;

/// Returns the value of a `Result`, or ends a host function with its error as the guest's answer.
macro_rules! ok_or_answer {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error.into())),
        }
    };
}

pub(super) use ok_or_answer;

macro_rules! answer_too_large {
    ($($error:ty),+ $(,)?) => {
        $(impl From<TooManyHostCalls> for $error {
            fn from(limit: TooManyHostCalls) -> Self {
                Self::TooLarge(limit.to_string())
            }
        })+
    };
}

answer_too_large!(
    identity::Error,
    mail::Error,
    metrics::Error,
    rate_limit::Error,
    sql::Error,
);

impl From<TooManyHostCalls> for store::Error {
    fn from(limit: TooManyHostCalls) -> Self {
        Self::Other(limit.to_string())
    }
}
