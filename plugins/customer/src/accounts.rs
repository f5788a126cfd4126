//! Accounts that an operator makes or changes: `edge user add`.

use edge_sdk::{
    Failure, identity, sql,
    wit::{Account, AccountError},
};

use crate::lookup::{self, Account as Found};
use crate::password_reset;
use crate::rules::{Email, password, role, text};

/// Changes name, address, password hash, role and the address as it is compared
/// of an account, by its id and the address that it had, and removes its login
/// through Facebook.
pub const UPDATE: &str = "UPDATE customer SET name = ?, email = ?, password = ?, role = ?, email_key = ?, \
     email_shared = NULL, email_plain_shared = NULL, facebook_id = NULL WHERE customer_id = ? AND email = ?";

/// Inserts an account: name, address, password hash, role, the address as it is
/// compared.
pub const INSERT: &str =
    "INSERT INTO customer (name, email, password, role, email_key) VALUES (?, ?, ?, ?, ?)";

/// Columns of an account, as they are written.
struct Entry {
    name: String,
    email: Email,
    hash: String,
    role: String,
}

/// Makes an account, and returns its id. The unique key on the address refuses
/// one that is there, whoever made it and when.
///
/// # Errors
/// Says that the account exists, which rule of customers it breaks, or what the
/// host could not do.
pub fn add(account: Account) -> Result<i64, AccountError> {
    let entry = Entry::new(account).map_err(refused)?;
    match write(INSERT, &entry, None) {
        Ok(inserted) => Ok(inserted.last_insert_id.cast_signed()),
        Err(sql::Error::Conflict(_)) => Err(AccountError::Exists),
        Err(error) => Err(refused(error.into())),
    }
}

/// Changes the account with this address, and returns its id. Its tokens end
/// before that and after it: no moment is left in which the old role or
/// password gives a token that lasts.
///
/// # Errors
/// Says that there is no such account, which rule of customers it breaks, or
/// what the host could not do.
pub fn change(account: Account) -> Result<i64, AccountError> {
    let entry = Entry::new(account).map_err(refused)?;
    let found = lookup::find(&entry.email).map_err(|error| refused(error.into()))?;
    let found = found.ok_or(AccountError::Unknown)?;
    let id = found.customer_id;
    let revoke = || identity::revoke_tokens(id).map_err(|error| refused(error.into()));
    revoke()?;
    let changed = write(UPDATE, &entry, Some(&found)).map_err(|error| refused(error.into()))?;
    revoke()?;
    password_reset::withdraw(id).map_err(|error| refused(error.into()))?;
    if changed.rows_affected == 0 {
        return Err(AccountError::Unknown);
    }
    Ok(id)
}

impl Entry {
    fn new(account: Account) -> Result<Self, Failure> {
        let name = text::line("name", &account.name, text::MAX_NAME_CHARS)?;
        let email = Email::parse(&account.email)?;
        password::check(&account.password)?;
        role::check(&account.role)?;
        Ok(Self {
            name,
            email,
            hash: identity::hash_password(&account.password)?,
            role: account.role,
        })
    }
}

fn refused(failure: Failure) -> AccountError {
    AccountError::Other(match failure.faulty_field() {
        Some(field) => format!("{field}: {}", failure.message()),
        None => failure.message().to_owned(),
    })
}

/// Runs [`INSERT`], or [`UPDATE`] on the account that was found.
fn write(
    statement: &str,
    entry: &Entry,
    found: Option<&Found>,
) -> Result<sql::Outcome, sql::Error> {
    lookup::claim(&entry.email, || {
        let query = sql::query(statement)
            .bind(entry.name.as_str())
            .bind(entry.email.text())
            .bind(entry.hash.as_str())
            .bind(entry.role.as_str())
            .bind(entry.email.key());
        let query = match found {
            Some(found) => query.bind(found.customer_id).bind(found.email.clone()),
            None => query,
        };
        query.execute()
    })
}
