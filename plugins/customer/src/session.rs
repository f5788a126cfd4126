//! What a customer gets who registers or logs in.

use std::time::Duration;

use edge_sdk::{Response, Result, identity, wit::Principal};
use serde::Serialize;

use crate::model::Customer;
use crate::profile;

/// How long a token holds.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The same, as clients see it.
const EXPIRES_IN: &str = "24h";

#[derive(Serialize)]
struct Session {
    customer: Customer,
    #[serde(rename = "accessToken")]
    access_token: String,
    expires_in: &'static str,
}

/// The customer with a token of their own.
///
/// # Errors
/// `AUT_02` if the customer is gone by now, and those of the host.
pub fn open(customer_id: i64) -> Result<Response> {
    let customer = profile::find(customer_id)?;
    let principal = Principal {
        id: customer.customer_id,
        name: customer.name.clone(),
        role: customer.role.clone(),
    };
    let token = identity::issue_token(&principal, LIFETIME)?;
    Response::private(&Session {
        customer,
        access_token: format!("Bearer {token}"),
        expires_in: EXPIRES_IN,
    })
}
