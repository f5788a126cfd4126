//! POST `/customers/login`: by e-mail address and password.

use edge_sdk::{Request, Response, Result, identity, sql};
use serde::Deserialize;

use crate::failures::{BAD_EMAIL, UNKNOWN_EMAIL, WRONG_PASSWORD};
use crate::limits;
use crate::rules::Email;
use crate::session::{self, Proof};

/// Whose address this is, and their password's hash, by the address as it is compared.
pub const CREDENTIALS: &str = "SELECT customer_id, password FROM customer WHERE email_key = ?";

#[derive(Deserialize)]
struct Form {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Credentials {
    customer_id: i64,
    /// None for a customer who logs in through Facebook.
    password: Option<String>,
}

/// POST `/customers/login` with `email` and `password`.
///
/// # Errors
/// `USR_02`, `USR_03`; `USR_05` for an unknown address and `USR_01` for a
/// wrong password, both after the same time; 429 for too many tries at one
/// account.
pub fn login(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["email", "password"])?;
    let form: Form = fields.parse()?;
    let email = Email::parse(&form.email).map_err(|_| BAD_EMAIL.field("email"))?;

    limits::count(limits::LOGIN, email.key())?;
    let found: Option<Credentials> = sql::query(CREDENTIALS).bind(email.key()).first()?;
    let hash = found.as_ref().and_then(|known| known.password.as_deref());
    let right = is_right(&form.password, hash)?;
    let known = found.ok_or_else(|| UNKNOWN_EMAIL.field("email"))?;
    match known.password {
        Some(hash) if right => session::open(known.customer_id, Proof::Password(&hash)),
        _ => Err(WRONG_PASSWORD.field("password")),
    }
}

/// Whether this is the password that was hashed.
///
/// A hash of an older shop, which the host cannot read, is nobody's password;
/// it takes as long to say so.
fn is_right(password: &str, hash: Option<&str>) -> Result<bool> {
    match identity::verify_password(password, hash) {
        Err(identity::Error::Invalid(_)) => Ok(identity::verify_password(password, None)?),
        verdict => Ok(verdict?),
    }
}
