//! POST `/customers/login`: by e-mail address and password.

use edge_sdk::identity::{self, PasswordCheck};
use edge_sdk::{Request, Response, Result, sql};
use serde::Deserialize;

use crate::failures::{BAD_EMAIL, UNKNOWN_EMAIL, UNVERIFIABLE_PASSWORD, WRONG_PASSWORD};
use crate::limits;
use crate::lookup::{self, Account};
use crate::rules::Email;
use crate::session::{self, Proof};

/// Stores a new hash of the same password for a customer, by id, in place of
/// the one that it was verified by, and of no other.
pub const REHASH: &str = "UPDATE customer SET password = ? WHERE customer_id = ? AND password = ?";

#[derive(Deserialize)]
struct Form {
    email: String,
    password: String,
}

/// POST `/customers/login` with `email` and `password`.
///
/// # Errors
/// `USR_02`, `USR_03`; `USR_05` for an unknown address and `USR_01` for a
/// wrong password, both after the same time; `USR_11` where no password can be
/// verified; 429 for too many tries at one account.
pub fn login(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["email", "password"])?;
    let form: Form = fields.parse()?;
    let email = Email::parse(&form.email).map_err(|_| BAD_EMAIL.field("email"))?;

    limits::count(limits::LOGIN, email.key())?;
    let account = lookup::find(&email)?;
    let (mut verified, check) = verify(account, &form.password)?;
    if check == PasswordCheck::Outdated && !rehash(&mut verified, &form.password)? {
        // Another request has changed it: it may be this one's password still.
        let account = lookup::find(&email)?;
        verified = verify(account, &form.password)?.0;
    }
    session::open(verified.customer_id, Proof::Password(&verified.hash))
}

/// An account whose password was given.
struct Verified {
    customer_id: i64,
    /// The hash that it was verified by.
    hash: String,
}

/// Checks the password of an account. Without one it takes as long.
fn verify(account: Option<Account>, password: &str) -> Result<(Verified, PasswordCheck)> {
    let hash = account.as_ref().and_then(Account::hash);
    let check = identity::check_password(password, hash)?;
    let known = account.ok_or_else(|| UNKNOWN_EMAIL.field("email"))?;
    match (known.password, check) {
        (Some(hash), PasswordCheck::Right | PasswordCheck::Outdated) => {
            let customer_id = known.customer_id;
            Ok((Verified { customer_id, hash }, check))
        }
        (_, PasswordCheck::Unverifiable) => Err(UNVERIFIABLE_PASSWORD.field("password")),
        _ => Err(WRONG_PASSWORD.field("password")),
    }
}

/// Stores a stronger hash of the password, which stays the same, so that tokens
/// hold. Returns false if the hash was changed meanwhile.
///
/// A login does not fail for want of a new hash: the old one stays then.
fn rehash(verified: &mut Verified, password: &str) -> Result<bool> {
    let hash = match identity::hash_password(password) {
        Ok(hash) => hash,
        Err(error) => {
            eprintln!("a password was not hashed anew: {error}");
            return Ok(true);
        }
    };
    let stored = sql::query(REHASH)
        .bind(hash.as_str())
        .bind(verified.customer_id)
        .bind(verified.hash.as_str())
        .execute();
    match stored {
        Ok(outcome) if outcome.rows_affected == 0 => Ok(false),
        Ok(_) => {
            verified.hash = hash;
            Ok(true)
        }
        // Such as a column that is too narrow.
        Err(sql::Error::Invalid(reason)) => {
            eprintln!("a new password hash was not stored: {reason}");
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}
