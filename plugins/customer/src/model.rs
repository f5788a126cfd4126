//! A customer, with the names that clients see.

use serde::{Deserialize, Serialize};

use crate::rules::card;

/// A customer, as the database has it and as clients see it. The password is
/// never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The id.
    pub customer_id: i64,
    /// The full name.
    pub name: String,
    /// The e-mail address, as the customer writes it.
    pub email: String,
    /// Street and number.
    pub address_1: Option<String>,
    /// Whatever else the address needs.
    pub address_2: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The state or province.
    pub region: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// Where orders are shipped to: decides what shipping costs.
    pub shipping_region_id: i64,
    /// The phone by day.
    pub day_phone: Option<String>,
    /// The phone in the evening.
    pub eve_phone: Option<String>,
    /// The mobile phone.
    pub mob_phone: Option<String>,
    /// The last four digits behind twelve `X`. An older shop may have stored
    /// more: that is not even read.
    #[serde(deserialize_with = "card::deserialize_masked")]
    pub credit_card: Option<String>,
    /// What the customer may do, such as `merchant`.
    #[serde(skip_serializing)]
    pub role: String,
}
