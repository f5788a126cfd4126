//! A new password for somebody who has lost theirs, by a mail to the address of
//! the account.
//!
//! A request only writes down the address that it names, whether or not it is
//! an account's: neither the reply nor its time tells. The task `reset-mail`
//! looks for the account, makes a token and sends it. The database has no more
//! of the token than its digest.

mod outbox;
mod token;

use edge_sdk::{Request, Response, Result, identity, sql};
use serde::Deserialize;

pub use self::outbox::{ATTEMPT, DONE, DUE, FORGET_TOKENS, STORE_TOKEN, send_due};
use self::token::ResetToken;
use crate::failures::{BAD_EMAIL, BAD_RESET_TOKEN};
use crate::limits;
use crate::lookup::Account;
use crate::rules::{Email, password};
use crate::session::{self, Proof};

/// Notes that a mail is wanted: the address as it is compared, and as it was
/// written. A second request before the mail was sent takes the place of the
/// first.
pub const REQUEST: &str = "REPLACE INTO customer_reset_mail (email_key, email, attempts, due_on) \
     VALUES (?, ?, 0, {now})";

/// Whose a token is that holds, and for which address, by the token's digest.
pub const FIND: &str = "SELECT customer_id, email_key FROM customer_reset_token \
     WHERE token_hash = ? AND expires_on > {now}";

/// Uses a token up that holds, by customer and digest: one request can.
pub const USE: &str = "DELETE FROM customer_reset_token \
     WHERE customer_id = ? AND token_hash = ? AND expires_on > {now}";

/// The account of a customer, by id.
pub const ACCOUNT: &str = "SELECT customer_id, email, password FROM customer WHERE customer_id = ?";

/// Changes the password hash of a customer, by id and by the address that the
/// row has, and removes the login through Facebook.
pub const CHANGE: &str =
    "UPDATE customer SET password = ?, facebook_id = NULL WHERE customer_id = ? AND email = ?";

/// Takes back the token of a customer, by id.
pub const WITHDRAW: &str = "DELETE FROM customer_reset_token WHERE customer_id = ?";

#[derive(Deserialize)]
struct Forgot {
    email: String,
}

#[derive(Deserialize)]
struct Reset {
    token: String,
    password: String,
}

/// A row of [`FIND`].
#[derive(Deserialize)]
struct Owner {
    customer_id: i64,
    /// The address that the token was sent to, as it is compared.
    email_key: String,
}

/// POST `/customers/password/forgot` with `email`: `{}`, whoever has that
/// address.
///
/// # Errors
/// `USR_02`, `USR_03`; 429 for too many requests for one address.
pub fn forgot(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["email"])?;
    let form: Forgot = fields.parse()?;
    let email = Email::parse(&form.email).map_err(|_| BAD_EMAIL.field("email"))?;

    limits::count(limits::RESET, email.key())?;
    sql::query(REQUEST)
        .bind(email.key())
        .bind(email.text())
        .execute()?;
    Ok(Response::empty().no_store())
}

/// POST `/customers/password/reset` with `token` and `password`: changes the
/// password, and logs in. Every token that was issued before ends, and so does
/// the login through Facebook.
///
/// # Errors
/// `USR_02`, `USR_07`, `USR_10`; `USR_12` for a token that is none, was used or
/// withdrawn, or whose hour is over.
pub fn reset(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["token", "password"])?;
    let form: Reset = fields.parse()?;
    password::check(&form.password)?;

    let digest = ResetToken::from_text(&form.token).digest();
    let owner: Option<Owner> = sql::query(FIND).bind(digest.as_str()).first()?;
    let owner = owner.ok_or_else(|| BAD_RESET_TOKEN.field("token"))?;
    let hash = identity::hash_password(&form.password)?;
    // No moment is left in which the old password gives a session that lasts.
    identity::revoke_tokens(owner.customer_id)?;
    change(&owner, &digest, &hash)?;
    identity::revoke_tokens(owner.customer_id)?;
    session::open(owner.customer_id, Proof::Password(&hash))
}

/// Uses the token up and changes the password, both or neither.
fn change(owner: &Owner, digest: &str, hash: &str) -> Result<()> {
    let is_for = Email::parse(&owner.email_key)?;
    let bad_token = || BAD_RESET_TOKEN.field("token");
    sql::transaction(|transaction| {
        let used = transaction
            .query(USE)
            .bind(owner.customer_id)
            .bind(digest)
            .execute()?;
        let account: Option<Account> =
            transaction.query(ACCOUNT).bind(owner.customer_id).first()?;
        // Whoever has another address by now was not sent this token.
        let account = account.filter(|account| account.has(&is_for));
        let (1, Some(account)) = (used.rows_affected, account) else {
            return Err(bad_token());
        };
        let changed = transaction
            .query(CHANGE)
            .bind(hash)
            .bind(owner.customer_id)
            .bind(account.email)
            .execute()?;
        match changed.rows_affected {
            0 => Err(bad_token()),
            _ => Ok(()),
        }
    })
}

/// Takes back the token that a customer was sent, if there is one: the password
/// was changed otherwise.
///
/// # Errors
/// Those of the database.
pub fn withdraw(customer_id: i64) -> Result<(), sql::Error> {
    sql::query(WITHDRAW).bind(customer_id).execute()?;
    Ok(())
}
