//! The limits that this service counts itself; the host enforces the others
//! before a request gets here. All are in the manifest.

use edge_sdk::{Result, rate_limit};

/// Registrations, by the client's address.
pub const REGISTRATION: &str = "registration";

/// Logins, by the e-mail address as it is compared: who tries passwords gets
/// no more of them by writing the address in many ways.
pub const LOGIN: &str = "login-account";

/// New passwords, by the customer.
pub const PASSWORD: &str = "password-customer";

/// New passwords, by the client's address: customers are made quickly.
pub const PASSWORD_ADDRESS: &str = "password-address";

/// Mails that reset a password, by the e-mail address as it is compared.
pub const RESET: &str = "reset-account";

/// Counts one more.
///
/// # Errors
/// 429 when that is too many, and then it does not count.
pub fn count(policy: &str, key: &str) -> Result<()> {
    let verdict = rate_limit::take(policy, key, 1)?;
    if verdict.allowed {
        Ok(())
    } else {
        Err(rate_limit::too_many(&verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_in_the_manifest() {
        let manifest = include_str!("../plugin.toml");
        for policy in [REGISTRATION, LOGIN, PASSWORD, PASSWORD_ADDRESS, RESET] {
            assert!(
                manifest.contains(&format!("name = \"{policy}\"")),
                "{policy}"
            );
        }
    }
}
