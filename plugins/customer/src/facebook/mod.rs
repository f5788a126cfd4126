//! POST `/customers/facebook`: by a token of Facebook.

mod graph;
mod profile;

use edge_sdk::{Request, Response, Result, sql};
use profile::Profile;

use crate::failures::{BAD_EMAIL, EMAIL_TAKEN};
use crate::lookup;
use crate::rules::Email;
use crate::session::{self, Proof};

/// Selects the customer of a Facebook profile, by the profile's id.
pub const BY_PROFILE: &str = "SELECT customer_id FROM customer WHERE facebook_id = ?";

/// Inserts a customer without a password: name, address, the address as it is
/// compared, id of the Facebook profile.
pub const INSERT: &str = "INSERT INTO customer (name, email, email_key, facebook_id, role) VALUES (?, ?, ?, ?, 'customer')";

/// POST `/customers/facebook` with `access_token`, which the client got from
/// Facebook.
///
/// # Errors
/// `USR_02`; `AUT_02` for a token that Facebook does not accept; for a new
/// customer `USR_03` if the profile has no e-mail address, and `USR_04` if it
/// is that of another account; 503 if Facebook does not answer, or while the
/// shop has no app there.
pub fn login(request: &Request) -> Result<Response> {
    let fields = request.fields()?;
    fields.required(&["access_token"])?;
    let token = fields.get("access_token").unwrap_or_default();
    let profile = graph::profile(token)?;
    let customer = match find_customer(&profile.id)? {
        Some(known) => known,
        None => register(&profile)?,
    };
    session::open(customer, Proof::Facebook(&profile.id))
}

fn find_customer(profile_id: &str) -> Result<Option<i64>> {
    Ok(sql::query(BY_PROFILE).bind(profile_id).fetch_optional()?)
}

/// Makes a customer of a profile.
///
/// An account that has the profile's e-mail address already is not taken for
/// the same person's: Facebook may not have verified the address, and then
/// anybody could enter the account by giving its address there.
fn register(profile: &Profile) -> Result<i64> {
    let address = profile.email.as_deref().unwrap_or_default();
    let email = Email::parse(address).map_err(|_| BAD_EMAIL.field("email"))?;
    let insert = || {
        sql::query(INSERT)
            .bind(profile.customer_name())
            .bind(email.text())
            .bind(email.key())
            .bind(profile.id.as_str())
            .execute()
    };
    match lookup::claim(&email, insert) {
        Ok(outcome) => Ok(outcome.last_insert_id.cast_signed()),
        // Two first logins of one profile at once make one customer.
        Err(sql::Error::Conflict(_)) => {
            find_customer(&profile.id)?.ok_or(EMAIL_TAKEN.field("email"))
        }
        Err(error) => Err(error.into()),
    }
}
