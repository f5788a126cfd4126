//! POST `/customers`: a new customer.

use edge_sdk::{Request, Response, Result, identity, sql};
use serde::Deserialize;

use crate::rules::{Email, password, text};
use crate::session::{self, Proof};
use crate::{limits, lookup, profile};

/// Inserts a customer: name, address, the address as it is compared, password hash.
pub const INSERT: &str =
    "INSERT INTO customer (name, email, email_key, password, role) VALUES (?, ?, ?, ?, 'customer')";

#[derive(Deserialize)]
struct Form {
    name: String,
    email: String,
    password: String,
}

/// POST `/customers` with `name`, `email` and `password`.
///
/// # Errors
/// `USR_02`, `USR_03`, `USR_04`, `USR_07`, `USR_10`; 429 for a client that
/// registers too many.
pub fn register(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["name", "email", "password"])?;
    let form: Form = fields.parse()?;
    let name = text::line("name", &form.name, text::MAX_NAME_CHARS)?;
    let email = Email::parse(&form.email)?;
    password::check(&form.password)?;

    limits::count(limits::REGISTRATION, &request.client_network())?;
    let hash = identity::hash_password(&form.password)?;
    let insert = || {
        sql::query(INSERT)
            .bind(name.as_str())
            .bind(email.text())
            .bind(email.key())
            .bind(hash.as_str())
            .execute()
    };
    let inserted = lookup::claim(&email, insert).map_err(profile::taken)?;
    let customer_id = inserted.last_insert_id.cast_signed();
    session::open(customer_id, Proof::Password(&hash))
}
