//! A new password for somebody who has lost theirs, by a mail to the address of
//! the account.
//!
//! A request only writes down the address that it names, whether or not it is
//! an account's: neither the reply nor its time tells. The task `reset-mail`
//! looks for the account, makes a token and sends it. The database has nothing
//! of the tokens but the series that they belong to.

mod outbox;
mod token;

use edge_sdk::sql::column;
use edge_sdk::{Failure, Request, Response, Result, identity, sql};
use serde::Deserialize;

pub use self::outbox::{
    ATTEMPT, BEGIN_SERIES, DONE, DUE, EXTEND_SERIES, FORGET_TOKENS, SERIES, send_due,
};
use self::token::{Keys, ResetToken, Series};
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

/// Selects the series of a customer's tokens that hold, and what time it is, by the
/// customer's id.
pub const FIND: &str = "SELECT customer_id, token_hash, email_key, {now} AS now_on \
     FROM customer_reset_token WHERE customer_id = ? AND expires_on > {now}";

/// Selects the columns of [`FIND`] by the digest of a token that an earlier
/// release sent.
pub const FIND_BY_DIGEST: &str = "SELECT customer_id, token_hash, email_key, {now} AS now_on \
     FROM customer_reset_token WHERE token_hash = ? AND expires_on > {now}";

/// Uses a series of tokens up that hold, by customer and id: one request can.
pub const USE: &str = "DELETE FROM customer_reset_token \
     WHERE customer_id = ? AND token_hash = ? AND expires_on > {now}";

/// Selects the account of a customer, by id.
pub const ACCOUNT: &str = "SELECT customer_id, email, password FROM customer WHERE customer_id = ?";

/// Changes the password hash of a customer, by id and by the address that the
/// row has, and removes the login through Facebook.
pub const CHANGE: &str =
    "UPDATE customer SET password = ?, facebook_id = NULL WHERE customer_id = ? AND email = ?";

/// Takes back the tokens of a customer, by id.
pub const WITHDRAW: &str = "DELETE FROM customer_reset_token WHERE customer_id = ?";

const NO_KEYS: Failure = Failure::new(500, "HTTP_500", "Something went wrong.");

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
struct Row {
    customer_id: i64,
    token_hash: String,
    email_key: String,
    #[serde(deserialize_with = "column::optional_instant")]
    now_on: Option<String>,
}

impl Row {
    fn into_series(self) -> Series {
        Series {
            id: self.token_hash,
            customer_id: self.customer_id,
            email_key: self.email_key,
        }
    }
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
    Ok(Response::empty_object().no_store())
}

/// POST `/customers/password/reset` with `token` and `password`: changes the
/// password, and logs in. Every token that was issued before ends, and so does
/// the login through Facebook.
///
/// # Errors
/// `USR_02`, `USR_07`, `USR_10`; `USR_12` for a token that is none, was used or
/// withdrawn, as all are when one is, or whose hour is over.
pub fn reset(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["token", "password"])?;
    let form: Reset = fields.parse()?;
    password::check(&form.password)?;

    let series = find_series(&form.token)?;
    let series = series.ok_or_else(|| BAD_RESET_TOKEN.field("token"))?;
    let customer_id = series.customer_id;
    let hash = identity::hash_password(&form.password)?;
    // No moment is left in which the old password gives a session that lasts.
    identity::revoke_tokens(customer_id)?;
    change(&series, &hash)?;
    identity::revoke_tokens(customer_id)?;
    session::open(customer_id, Proof::Password(&hash))
}

/// Returns the series of a token that holds.
fn find_series(text: &str) -> Result<Option<Series>> {
    let Some(token) = ResetToken::parse(text) else {
        let row: Option<Row> = sql::query(FIND_BY_DIGEST)
            .bind(token::digest(text))
            .fetch_optional()?;
        return Ok(row.map(Row::into_series));
    };
    let row: Option<Row> = sql::query(FIND).bind(token.customer_id).fetch_optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let now = outbox::seconds(row.now_on.as_deref());
    let series = row.into_series();
    let keys = Keys::configured().map_err(|error| {
        eprintln!("{error}");
        NO_KEYS
    })?;
    let holds = now.is_some_and(|now| token.holds(&keys, &series, now));
    Ok(holds.then_some(series))
}

/// Uses the series up and changes the password, both or neither.
fn change(series: &Series, hash: &str) -> Result<()> {
    let is_for = Email::parse(&series.email_key)?;
    let bad_token = || BAD_RESET_TOKEN.field("token");
    sql::transaction(|transaction| {
        let used = transaction
            .query(USE)
            .bind(series.customer_id)
            .bind(series.id.as_str())
            .execute()?;
        let account: Option<Account> = transaction
            .query(ACCOUNT)
            .bind(series.customer_id)
            .fetch_optional()?;
        // Whoever has another address by now was not sent these tokens.
        let account = account.filter(|account| account.has(&is_for));
        let (1, Some(account)) = (used.rows_affected, account) else {
            return Err(bad_token());
        };
        let changed = transaction
            .query(CHANGE)
            .bind(hash)
            .bind(series.customer_id)
            .bind(account.email)
            .execute()?;
        match changed.rows_affected {
            0 => Err(bad_token()),
            _ => Ok(()),
        }
    })
}

/// Takes back the tokens that a customer was sent, if there are any: the
/// password was changed otherwise.
///
/// # Errors
/// Those of the database.
pub fn withdraw(customer_id: i64) -> Result<(), sql::Error> {
    sql::query(WITHDRAW).bind(customer_id).execute()?;
    Ok(())
}
