//! `/customer`: who a customer is, and how to reach them.

pub mod address;
pub mod cards;

use edge_sdk::{Failure, Request, Response, Result, identity, sql, wit::Principal};
use serde::{Deserialize, Serialize};

use crate::failures::{EMAIL_TAKEN, UNAUTHORIZED};
use crate::model::Customer;
use crate::rules::{Email, password, phone, role, text};
use crate::session::{self, Proof, Token};
use crate::{limits, lookup, password_reset, stored};

/// Changes name, address, the address as it is compared, password hash, login
/// through Facebook and phones of a customer, by id. NULL leaves a password or
/// phone as it is, the empty text takes a phone away, and 1 the Facebook login.
/// The role, as the column has it, and the password hash if it is not NULL, are
/// those that the customer has to have still.
pub const UPDATE: &str = "UPDATE customer SET name = ?, email = ?, email_key = ?, email_shared = NULL, email_plain_shared = NULL, \
     password = COALESCE(?, password), \
     facebook_id = CASE WHEN ? = 1 THEN NULL ELSE facebook_id END, \
     day_phone = NULLIF(COALESCE(?, CAST(day_phone AS CHAR)), ''), eve_phone = NULLIF(COALESCE(?, CAST(eve_phone AS CHAR)), ''), \
     mob_phone = NULLIF(COALESCE(?, CAST(mob_phone AS CHAR)), '') \
     WHERE customer_id = ? \
     AND COALESCE(role, '') = ? \
     AND (? IS NULL OR COALESCE(password, '') = ?)";

/// Selects the password hash and role of a customer, by id.
pub const CREDENTIALS: &str = "SELECT password, role FROM customer WHERE customer_id = ?";

/// A row of [`CREDENTIALS`].
#[derive(Deserialize)]
struct Credentials {
    /// None for a customer who logs in through Facebook.
    #[serde(deserialize_with = "stored::text")]
    password: Option<String>,
    /// Role as the column has it.
    #[serde(deserialize_with = "stored::text")]
    role: Option<String>,
}

impl Credentials {
    /// Returns those of the customer who sent a request.
    ///
    /// # Errors
    /// `AUT_02` if the customer is gone or has another role by now.
    fn load(principal: &Principal) -> Result<Self> {
        let found: Option<Self> = sql::query(CREDENTIALS)
            .bind(principal.id)
            .fetch_optional()?;
        let found = found.ok_or(UNAUTHORIZED)?;
        match role::for_token(found.role.as_deref()) == principal.role {
            true => Ok(found),
            false => Err(UNAUTHORIZED),
        }
    }
}

#[derive(Deserialize)]
struct Form {
    name: String,
    email: String,
    password: Option<String>,
    day_phone: Option<String>,
    eve_phone: Option<String>,
    mob_phone: Option<String>,
}

/// A customer whose password was changed.
#[derive(Serialize)]
struct Renewed {
    #[serde(flatten)]
    customer: Customer,
    #[serde(flatten)]
    token: Token,
}

/// GET `/customer`.
///
/// # Errors
/// `AUT_01`, `AUT_02`.
pub fn show(request: &Request) -> Result<Response> {
    Response::json_no_store(&lookup::by_id(request.principal()?.id)?)
}

/// PUT `/customer` with `name` and `email`, and perhaps `password` and phones.
///
/// A new password ends every token of the customer, and the login through
/// Facebook: whoever else got in is out. The reply brings the client's new token.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `USR_02`, `USR_03`, `USR_04`, `USR_06`, `USR_07`,
/// `USR_10`; 429 for too many new passwords.
pub fn update(request: &Request) -> Result<Response> {
    let principal = request.principal()?;
    let id = principal.id;
    let changes = Changes::read(request)?;
    if let Some(password) = &changes.password {
        check_password(password, id, &request.client_network())?;
    }
    // If another request changes the password from here on, this one may come
    // from somebody whom that has shut out.
    let before = Credentials::load(principal)?;
    let hash = changes.password.as_deref().map(identity::hash_password);
    let hash = hash.transpose()?;

    let write = || changes.write(id, &before, hash.as_deref());
    let changed = lookup::claim(&changes.email, write).map_err(taken)?;
    match hash {
        Some(hash) if changed.rows_affected > 0 => renew(id, &hash),
        _ => after(changed, id),
    }
}

/// Changes of a profile, checked. None leaves a password or phone as it is.
struct Changes {
    name: String,
    email: Email,
    password: Option<String>,
    day_phone: Option<String>,
    eve_phone: Option<String>,
    mob_phone: Option<String>,
}

impl Changes {
    fn read(request: &Request) -> Result<Self> {
        let fields = request.fields()?;
        fields.required(&["name", "email"])?;
        let form: Form = fields.parse()?;
        Ok(Self {
            name: text::line("name", &form.name, text::MAX_NAME_CHARS)?,
            email: Email::parse(&form.email)?,
            day_phone: new_phone("day_phone", form.day_phone)?,
            eve_phone: new_phone("eve_phone", form.eve_phone)?,
            mob_phone: new_phone("mob_phone", form.mob_phone)?,
            // A form sends an empty field for no new password.
            password: form.password.filter(|password| !password.is_empty()),
        })
    }

    /// Writes the changes, with the hash of a new password, to a customer who has
    /// the credentials that were loaded before.
    fn write(
        &self,
        id: i64,
        before: &Credentials,
        hash: Option<&str>,
    ) -> Result<sql::Outcome, sql::Error> {
        let hash_before = hash.map(|_| before.password.as_deref().unwrap_or_default());
        sql::query(UPDATE)
            .bind(self.name.as_str())
            .bind(self.email.text())
            .bind(self.email.key())
            .bind(hash)
            .bind(hash.is_some())
            .bind(self.day_phone.as_deref())
            .bind(self.eve_phone.as_deref())
            .bind(self.mob_phone.as_deref())
            .bind(id)
            .bind(before.role.as_deref().unwrap_or_default())
            .bind(hash_before)
            .bind(hash_before)
            .execute()
    }
}

/// Returns the customer after a change of the password, and a token in place of
/// those that the change ends.
fn renew(customer_id: i64, hash: &str) -> Result<Response> {
    identity::revoke_tokens(customer_id)?;
    password_reset::withdraw(customer_id)?;
    let customer = lookup::by_id(customer_id)?;
    let token = session::issue(&customer, Proof::Password(hash))?;
    Response::json_no_store(&Renewed { customer, token })
}

/// Returns the customer after a change of theirs.
///
/// # Errors
/// `AUT_02` if there was no such customer.
pub fn after(change: sql::Outcome, customer_id: i64) -> Result<Response> {
    if change.rows_affected == 0 {
        return Err(UNAUTHORIZED);
    }
    Response::json_no_store(&lookup::by_id(customer_id)?)
}

/// Returns the refusal of a change that a unique key refused: the address is
/// somebody else's.
#[must_use]
pub fn taken(error: sql::Error) -> Failure {
    match error {
        sql::Error::Conflict(_) => EMAIL_TAKEN.field("email"),
        error => error.into(),
    }
}

/// Checks a new password, and that there are not too many.
fn check_password(password: &str, id: i64, network: &str) -> Result<()> {
    password::check(password)?;
    limits::count(limits::PASSWORD, &id.to_string())?;
    limits::count(limits::PASSWORD_ADDRESS, network)
}

/// Returns a new phone number, or the empty text to take it away.
fn new_phone(field: &str, text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.trim().is_empty() => Ok(Some(String::new())),
        Some(text) => phone::parse(field, &text).map(Some),
        None => Ok(None),
    }
}
