//! A customer, with the names that clients see.

use serde::{Deserialize, Serialize};

use crate::rules::{card, role};
use crate::stored;

/// A customer, as the database has it and as clients see it. The password is
/// never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub customer_id: i64,
    /// The full name; empty where an older shop knew none.
    #[serde(deserialize_with = "stored::trimmed")]
    pub name: String,
    /// The e-mail address, as the customer writes it.
    #[serde(deserialize_with = "stored::trimmed")]
    pub email: String,
    /// Street and number.
    #[serde(deserialize_with = "stored::text")]
    pub address_1: Option<String>,
    /// Whatever else the address needs.
    #[serde(deserialize_with = "stored::text")]
    pub address_2: Option<String>,
    #[serde(deserialize_with = "stored::text")]
    pub city: Option<String>,
    /// The state or province.
    #[serde(deserialize_with = "stored::text")]
    pub region: Option<String>,
    #[serde(deserialize_with = "stored::text")]
    pub postal_code: Option<String>,
    #[serde(deserialize_with = "stored::text")]
    pub country: Option<String>,
    /// Where orders are shipped to: decides what shipping costs.
    #[serde(deserialize_with = "stored::region")]
    pub shipping_region_id: i64,
    /// The phone by day.
    #[serde(deserialize_with = "stored::text")]
    pub day_phone: Option<String>,
    /// The phone in the evening.
    #[serde(deserialize_with = "stored::text")]
    pub eve_phone: Option<String>,
    /// The mobile phone.
    #[serde(deserialize_with = "stored::text")]
    pub mob_phone: Option<String>,
    /// The last four digits behind twelve `X`. An older shop may have stored
    /// more: that is not even read.
    #[serde(deserialize_with = "card::deserialize_masked")]
    pub credit_card: Option<String>,
    /// Role of the customer, such as `merchant`.
    #[serde(skip_serializing, deserialize_with = "role::deserialize")]
    pub role: String,
}
