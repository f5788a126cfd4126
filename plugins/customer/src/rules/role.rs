//! Roles: what accounts may do.

use edge_sdk::{Failure, Result};

/// Longest role, in characters: the width of its column.
const LONGEST: usize = 20;

/// This is no role.
const BAD_ROLE: Failure =
    Failure::malformed("A role is 1 to 20 lower-case letters and hyphens, such as merchant.");

/// Refuses what cannot be a role. Which roles mean something, each service
/// decides for itself.
///
/// # Errors
/// `HTTP_400`.
pub fn check(role: &str) -> Result<()> {
    let plain = role
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if plain && (1..=LONGEST).contains(&role.len()) {
        Ok(())
    } else {
        Err(BAD_ROLE.field("role"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
