//! Sessions: the token of a customer who registers, logs in, or changes the
//! password.

use std::time::Duration;

use edge_sdk::{Response, Result, identity, sql, wit::Principal};
use serde::{Deserialize, Serialize};

use crate::failures::UNAUTHORIZED;
use crate::lookup;
use crate::model::Customer;
use crate::rules::{role, text};

/// Lifetime of a token.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Lifetime of a token as clients see it.
const EXPIRES_IN: &str = "24h";

/// Selects the role of a customer, by id, as long as this is the hash of the
/// password.
pub const ROLE_BY_PASSWORD: &str =
    "SELECT role FROM customer WHERE customer_id = ? AND password = ?";

/// Selects the role of a customer, by id, as long as this Facebook profile is
/// theirs.
pub const ROLE_BY_FACEBOOK: &str =
    "SELECT role FROM customer WHERE customer_id = ? AND facebook_id = ?";

/// A row of either.
#[derive(Deserialize)]
struct Role {
    #[serde(deserialize_with = "role::deserialize")]
    role: String,
}

/// Proof that a customer has given of who they are.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// By the password with this hash.
    Password(&'a str),
    /// By the Facebook profile with this id.
    Facebook(&'a str),
}

/// A token, and for how long it holds.
#[derive(Serialize)]
pub struct Token {
    #[serde(rename = "accessToken")]
    access_token: String,
    expires_in: &'static str,
}

#[derive(Serialize)]
struct Session {
    customer: Customer,
    #[serde(flatten)]
    token: Token,
}

/// Returns the customer with a token of their own.
///
/// # Errors
/// `AUT_02` if the customer is gone by now or the proof does not hold any more,
/// and those of the host.
pub fn open(customer_id: i64, proof: Proof<'_>) -> Result<Response> {
    let customer = lookup::by_id(customer_id)?;
    let token = issue(&customer, proof)?;
    Response::json_no_store(&Session { customer, token })
}

/// Returns a token for this customer.
///
/// A change of role or password revokes the tokens that were issued before it.
/// So what the token says and the proof are checked once more after it was
/// issued: if they hold, a change comes later, and revokes this one, too.
///
/// # Errors
/// `AUT_02` if the role was changed or the proof does not hold any more, and
/// those of the host.
pub fn issue(customer: &Customer, proof: Proof<'_>) -> Result<Token> {
    let token = token_for(customer)?;
    let (text, value) = match proof {
        Proof::Password(hash) => (ROLE_BY_PASSWORD, hash),
        Proof::Facebook(profile_id) => (ROLE_BY_FACEBOOK, profile_id),
    };
    let now: Option<Role> = sql::query(text)
        .bind(customer.customer_id)
        .bind(value)
        .fetch_optional()?;
    if now.is_none_or(|now| now.role != customer.role) {
        return Err(UNAUTHORIZED);
    }
    Ok(Token {
        access_token: format!("Bearer {token}"),
        expires_in: EXPIRES_IN,
    })
}

/// Returns a token that names the customer and the role; a role of an older
/// shop, which the manifest does not name, gives the rights of customers.
fn token_for(customer: &Customer) -> Result<String, identity::Error> {
    let principal = |role: &str| Principal {
        id: customer.customer_id,
        // A token has to fit into a header field.
        name: customer.name.chars().take(text::MAX_NAME_CHARS).collect(),
        role: role.to_owned(),
    };
    match identity::issue_token(&principal(&customer.role), LIFETIME) {
        Err(identity::Error::Invalid(_)) if customer.role != role::CUSTOMER => {
            identity::issue_token(&principal(role::CUSTOMER), LIFETIME)
        }
        token => token,
    }
}
