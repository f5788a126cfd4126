//! Passwords and tokens. The secrets stay in the host.

use std::time::Duration;

use super::error;
use crate::bindings::edge::platform::identity as host;
use crate::{Failure, wit::Principal};

pub use host::PasswordCheck;

/// Why the host did not hash, verify or sign.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// An argument is wrong; the text says how.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The request has no calls into the host left.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Too many passwords wait for their turn, or the host's database does not
    /// answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        match error {
            host::Error::Invalid(how) => Self::Invalid(how),
            host::Error::TooLarge(limit) => Self::TooLarge(limit),
            host::Error::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<Error> for Failure {
    fn from(failed: Error) -> Self {
        match failed {
            Error::Unavailable(_) => error::unavailable("identity", failed),
            Error::Invalid(_) | Error::TooLarge(_) => error::internal("identity", failed),
        }
    }
}

/// Returns the argon2id hash of a password, with its salt, in the PHC string format.
///
/// # Errors
/// [`Error::Unavailable`] if too many passwords wait for their turn.
pub fn hash_password(password: &str) -> Result<String, Error> {
    Ok(host::hash_password(password)?)
}

/// Returns true if this is the password that was hashed. Without a hash the
/// answer is false, after the same time: an unknown account looks like a wrong
/// password.
///
/// # Errors
/// [`Error::Unavailable`] if too many passwords wait for their turn.
pub fn verify_password(password: &str, hash: Option<&str>) -> Result<bool, Error> {
    Ok(host::verify_password(password, hash)?)
}

/// Checks a password against a hash of this host's or of another back end's,
/// whose accounts were taken over. Without a hash, and with one by which nothing
/// can be verified, it takes as long.
///
/// # Errors
/// [`Error::Unavailable`] if too many passwords wait for their turn.
pub fn check_password(password: &str, hash: Option<&str>) -> Result<PasswordCheck, Error> {
    Ok(host::check_password(password, hash)?)
}

/// Returns a signed token (JWT) that names the principal for this long.
///
/// # Errors
/// [`Error::Invalid`] for a lifetime of less than a second or more than 31 days,
/// and for a role that the manifest does not name.
pub fn issue_token(principal: &Principal, lifetime: Duration) -> Result<String, Error> {
    let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
    Ok(host::issue_token(principal, seconds)?)
}

/// Revokes every token of this principal that was issued so far. This node
/// rejects them when the call returns, and every other node within a second.
///
/// # Errors
/// [`Error::Unavailable`] if the host's database does not answer.
pub fn revoke_tokens(principal_id: i64) -> Result<(), Error> {
    Ok(host::revoke_tokens(principal_id)?)
}
