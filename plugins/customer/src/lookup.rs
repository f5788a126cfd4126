//! Finds customers: by id, and by e-mail address.
//!
//! Others write into the table as well: an older back end, or somebody by hand.
//! They know nothing of `email_key`, so a row of theirs has none, or that of an
//! address that the row had before. The database itself therefore keeps a second
//! key, which it computes from `email` without the blanks around it (the
//! migrations `0003`): it makes addresses unique whoever writes them. Neither
//! key alone decides here: an
//! account is found by either, and the address in its row says whether it is the
//! one.

use edge_sdk::Result;
use edge_sdk::sql::{self, Dialect, Outcome};
use serde::Deserialize;

use crate::failures::UNAUTHORIZED;
use crate::model::Customer;
use crate::rules::Email;
use crate::stored;

/// Selects a customer, by id.
pub const BY_ID: &str = "SELECT customer_id, name, email, address_1, address_2, city, region, postal_code, \
     country, shipping_region_id, day_phone, eve_phone, mob_phone, credit_card, role \
     FROM customer WHERE customer_id = ?";

/// Selects an account, by the address as it is compared.
pub const BY_KEY: &str = "SELECT customer_id, email, password FROM customer WHERE email_key = ?";

/// Selects an account, by two ways in which databases may write its address in
/// lower case.
pub const BY_ADDRESS_MYSQL: &str =
    "SELECT customer_id, email, password FROM customer WHERE email_plain IN (?, ?)";

/// Selects an account by its address where the key is of an index alone. The
/// expression is the index's, to the letter.
pub const BY_ADDRESS_SQLITE: &str = "SELECT customer_id, email, password FROM customer \
     WHERE NULLIF(NULLIF(LOWER(TRIM(email, CHAR(9, 10, 13, 32, 160))), ''), email_plain_shared) IN (?, ?)";

/// Blanks around an address that do not count: those that the databases' keys
/// leave out.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{a0}'];

/// Takes the key of an address from an account that has another address by now,
/// both as they are.
pub const RELEASE_KEY: &str =
    "UPDATE customer SET email_key = NULL WHERE customer_id = ? AND email_key = ? AND email = ?";

/// An account, as far as a login needs it.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// The id.
    pub customer_id: i64,
    /// The address, as the row has it.
    #[serde(deserialize_with = "stored::text")]
    pub email: Option<String>,
    /// The hash of the password; none for a customer without one.
    #[serde(deserialize_with = "stored::text")]
    pub password: Option<String>,
}

impl Account {
    /// Tells whether this is the address of the account.
    #[must_use]
    pub fn has(&self, email: &Email) -> bool {
        let own = self.email.as_deref().map(|it| it.trim_matches(BLANKS));
        let own = own.map(Email::parse);
        own.is_some_and(|own| own.is_ok_and(|own| own.key() == email.key()))
    }

    /// Returns the hash of the password, if there is one.
    #[must_use]
    pub fn hash(&self) -> Option<&str> {
        self.password.as_deref().filter(|hash| !hash.is_empty())
    }
}

/// Returns the customer with this id.
///
/// # Errors
/// `AUT_02` if there is none: the id comes from a token that is older than
/// the customer's end.
pub fn by_id(customer_id: i64) -> Result<Customer> {
    let customer: Option<Customer> = sql::query(BY_ID).bind(customer_id).fetch_optional()?;
    customer.ok_or(UNAUTHORIZED)
}

/// Returns the account with this address.
///
/// # Errors
/// Those of the database.
pub fn find(email: &Email) -> Result<Option<Account>, sql::Error> {
    let by_key: Option<Account> = sql::query(BY_KEY).bind(email.key()).fetch_optional()?;
    if let Some(account) = by_key.filter(|account| account.has(email)) {
        return Ok(Some(account));
    }
    let by_address = match sql::dialect() {
        Dialect::Sqlite => BY_ADDRESS_SQLITE,
        Dialect::Mysql => BY_ADDRESS_MYSQL,
    };
    let found: Vec<Account> = sql::query(by_address)
        .bind(email.key())
        // SQLite lowers no more than this.
        .bind(email.text().to_ascii_lowercase())
        .fetch_all()?;
    Ok(found.into_iter().find(|account| account.has(email)))
}

/// Makes a change that gives an account this address. If the key of the address
/// is still that of an account whose address was changed beside this service,
/// that account loses the key, and the change is made once more.
///
/// # Errors
/// Those of the change: a conflict if the address is somebody else's.
pub fn claim(
    email: &Email,
    change: impl Fn() -> Result<Outcome, sql::Error>,
) -> Result<Outcome, sql::Error> {
    match change() {
        Err(sql::Error::Conflict(reason)) => match release_key(email)? {
            true => change(),
            false => Err(sql::Error::Conflict(reason)),
        },
        done => done,
    }
}

/// Returns whether the key was that of an account with another address.
fn release_key(email: &Email) -> Result<bool, sql::Error> {
    let holder: Option<Account> = sql::query(BY_KEY).bind(email.key()).fetch_optional()?;
    let Some(holder) = holder.filter(|holder| !holder.has(email)) else {
        return Ok(false);
    };
    let released = sql::query(RELEASE_KEY)
        .bind(holder.customer_id)
        .bind(email.key())
        .bind(holder.email)
        .execute()?;
    Ok(released.rows_affected > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(email: Option<&str>) -> Account {
        Account {
            customer_id: 1,
            email: email.map(str::to_owned),
            password: None,
        }
    }

    #[test]
    fn the_address_in_the_row_decides() {
        let email = Email::parse("zoë@example.com").unwrap();
        for own in [
            "zoë@example.com",
            "ZOË@Example.com",
            " zoe\u{308}@example.com ",
            "\tzoë@example.com\r\n",
            "\u{a0}zoë@example.com",
        ] {
            assert!(account(Some(own)).has(&email), "{own}");
        }
        for other in [
            None,
            Some(""),
            Some("zoe@example.com"),
            Some("zoë@example.com, ada@example.com"),
            // A blank that the keys do not leave out.
            Some("\u{2003}zoë@example.com"),
        ] {
            assert!(!account(other).has(&email), "{other:?}");
        }
    }

    #[test]
    fn an_empty_hash_is_none() {
        let with = |password: Option<&str>| Account {
            password: password.map(str::to_owned),
            ..account(None)
        };
        assert_eq!(with(None).hash(), None);
        assert_eq!(with(Some("")).hash(), None);
        assert_eq!(with(Some("hash")).hash(), Some("hash"));
    }
}
