//! Accounts that an operator makes: `edge user add`.

use edge_sdk::{Failure, identity, sql, wit::Account};

use crate::rules::{Email, password, role, text};

/// Changes name, address, password hash and role of an account, by its address
/// as it is compared.
pub const UPDATE: &str =
    "UPDATE customer SET name = ?, email = ?, password = ?, role = ? WHERE email_key = ?";

/// An account: name, address, password hash, role, the address as it is compared.
pub const INSERT: &str =
    "INSERT INTO customer (name, email, password, role, email_key) VALUES (?, ?, ?, ?, ?)";

/// The id of an account, by its address as it is compared.
pub const ID: &str = "SELECT customer_id FROM customer WHERE email_key = ?";

/// What is written of an account.
struct Entry {
    name: String,
    email: Email,
    hash: String,
    role: String,
}

/// Makes an account or changes the one that is there, and returns its id.
///
/// # Errors
/// Says which rule of customers the account breaks, or what the host could not do.
pub fn add(account: Account) -> Result<i64, String> {
    store(account).map_err(|failure| match failure.faulty_field() {
        Some(field) => format!("{field}: {}", failure.message()),
        None => failure.message().to_owned(),
    })
}

fn store(account: Account) -> Result<i64, Failure> {
    let name = text::line("name", &account.name, text::NAME)?;
    let email = Email::parse(&account.email)?;
    password::check(&account.password)?;
    role::check(&account.role)?;
    let entry = Entry {
        name,
        email,
        hash: identity::hash_password(&account.password)?,
        role: account.role,
    };
    if write(UPDATE, &entry)?.rows_affected == 0 {
        match write(INSERT, &entry) {
            Err(sql::Error::Conflict(_)) => write(UPDATE, &entry)?,
            inserted => inserted?,
        };
    }
    Ok(sql::query(ID).bind(entry.email.key()).scalar()?)
}

fn write(statement: &str, entry: &Entry) -> Result<sql::Outcome, sql::Error> {
    sql::query(statement)
        .bind(entry.name.as_str())
        .bind(entry.email.text())
        .bind(entry.hash.as_str())
        .bind(entry.role.as_str())
        .bind(entry.email.key())
        .execute()
}
