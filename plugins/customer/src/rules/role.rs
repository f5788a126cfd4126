//! Roles: what accounts may do.

use edge_sdk::{Failure, Result};
use serde::Deserializer;

use crate::stored;

/// Role of customers who were given no other.
pub const CUSTOMER: &str = "customer";

/// Role of those who run the shop.
const MERCHANT: &str = "merchant";

/// Longest role, in characters: the width of its column.
const MAX_CHARS: usize = 20;

/// Refusal of a text that is no role.
const BAD_ROLE: Failure =
    Failure::malformed("A role is 1 to 20 lower-case letters and hyphens, such as merchant.");

/// Refuses what cannot be a role. Which roles mean something, each service
/// decides for itself.
///
/// # Errors
/// `HTTP_400`.
pub fn check(role: &str) -> Result<()> {
    if is_role(role) {
        Ok(())
    } else {
        Err(BAD_ROLE.field("role"))
    }
}

/// Reads the role of a row: a customer's for what is none, as the table of an
/// older shop may have it.
///
/// # Errors
/// None that a value of a row can cause.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let stored = stored::text(deserializer)?;
    let role = stored.filter(|role| is_role(role));
    Ok(role.unwrap_or_else(|| CUSTOMER.to_owned()))
}

/// Returns the role that a token has for what the column of the role holds: a
/// customer's, unless it is just the other one that the manifest names.
#[must_use]
pub fn for_token(stored: Option<&str>) -> &'static str {
    match stored {
        Some(MERCHANT) => MERCHANT,
        _ => CUSTOMER,
    }
}

fn is_role(text: &str) -> bool {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_plain && (1..=MAX_CHARS).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_role_of_the_manifest() {
        assert_eq!(for_token(Some("merchant")), "merchant");
        for other in [
            "customer",
            "Merchant",
            "merchant ",
            " merchant",
            "",
            "admin",
        ] {
            assert_eq!(for_token(Some(other)), "customer", "{other:?}");
        }
        assert_eq!(for_token(None), "customer");
    }

    #[test]
    fn roles_are_plain_words() {
        assert_eq!(check("customer"), Ok(()));
        assert_eq!(check("stock-keeper"), Ok(()));
        for role in [
            "",
            "Merchant",
            "mer chant",
            "merchant\0",
            "händler",
            "a-very-very-long-role",
        ] {
            assert!(check(role).is_err(), "{role}");
        }
    }
}
