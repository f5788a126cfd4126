//! `/customer`: who a customer is, and how to reach them.

use edge_sdk::{Failure, Request, Response, Result, identity, sql};
use serde::Deserialize;

use crate::failures::{EMAIL_TAKEN, UNAUTHORIZED};
use crate::model::Customer;
use crate::rules::{Email, password, phone, text};

/// One customer, by id.
pub const ONE: &str = "SELECT customer_id, name, email, address_1, address_2, city, region, postal_code, \
     country, shipping_region_id, day_phone, eve_phone, mob_phone, credit_card, role \
     FROM customer WHERE customer_id = ?";

/// Changes name, address, the address as it is compared, password hash and
/// phones of a customer, by id. NULL leaves a password or phone as it is, and
/// the empty text takes a phone away.
pub const UPDATE: &str = "UPDATE customer SET name = ?, email = ?, email_key = ?, password = COALESCE(?, password), \
     day_phone = NULLIF(COALESCE(?, day_phone), ''), eve_phone = NULLIF(COALESCE(?, eve_phone), ''), \
     mob_phone = NULLIF(COALESCE(?, mob_phone), '') WHERE customer_id = ?";

#[derive(Deserialize)]
struct Form {
    name: String,
    email: String,
    password: Option<String>,
    day_phone: Option<String>,
    eve_phone: Option<String>,
    mob_phone: Option<String>,
}

/// GET `/customer`.
///
/// # Errors
/// `AUT_01`, `AUT_02`.
pub fn show(request: &Request) -> Result<Response> {
    Response::private(&find(request.principal()?.id)?)
}

/// PUT `/customer` with `name` and `email`, and perhaps `password` and phones.
///
/// # Errors
/// `AUT_01`, `AUT_02`, `USR_02`, `USR_03`, `USR_04`, `USR_06`, `USR_07`, `USR_10`.
pub fn update(request: &Request) -> Result<Response> {
    let id = request.principal()?.id;
    let fields = request.fields()?;
    fields.required(&["name", "email"])?;
    let form: Form = fields.parse()?;
    let name = text::line("name", &form.name, text::NAME)?;
    let email = Email::parse(&form.email)?;
    let day = new_phone("day_phone", form.day_phone)?;
    let evening = new_phone("eve_phone", form.eve_phone)?;
    let mobile = new_phone("mob_phone", form.mob_phone)?;
    let hash = new_hash(form.password)?;

    let changed = sql::query(UPDATE)
        .bind(name)
        .bind(email.text())
        .bind(email.key())
        .bind(hash)
        .bind(day)
        .bind(evening)
        .bind(mobile)
        .bind(id)
        .execute()
        .map_err(taken)?;
    after(changed, id)
}

/// The customer of this id.
///
/// # Errors
/// `AUT_02` if there is none: the id comes from a token that is older than
/// the customer's end.
pub fn find(customer_id: i64) -> Result<Customer> {
    let customer: Option<Customer> = sql::query(ONE).bind(customer_id).first()?;
    customer.ok_or(UNAUTHORIZED)
}

/// The customer after a change of theirs.
///
/// # Errors
/// `AUT_02` if there is no such customer.
pub fn after(change: sql::Outcome, customer_id: i64) -> Result<Response> {
    if change.rows_affected == 0 {
        return Err(UNAUTHORIZED);
    }
    Response::private(&find(customer_id)?)
}

/// A change that a unique key refused: the address is somebody else's.
#[must_use]
pub fn taken(error: sql::Error) -> Failure {
    match error {
        sql::Error::Conflict(_) => EMAIL_TAKEN.field("email"),
        error => error.into(),
    }
}

/// The hash of a new password. None where there is no new one, for which a
/// form sends an empty field.
fn new_hash(password: Option<String>) -> Result<Option<String>> {
    let Some(password) = password.filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    password::check(&password)?;
    Ok(Some(identity::hash_password(&password)?))
}

/// A new phone number, or the empty text to take it away.
fn new_phone(field: &str, text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.trim().is_empty() => Ok(Some(String::new())),
        Some(text) => phone::parse(field, &text).map(Some),
        None => Ok(None),
    }
}
