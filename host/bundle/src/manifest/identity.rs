//! The manifest key `identity` in `[grants]`: passwords, and tokens with named roles.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{ManifestError, require};

/// Role of the tokens that `identity = true` lets a plugin issue.
const CUSTOMER: &str = "customer";

/// Maximum length of a role, in bytes.
const MOST_ROLE: usize = 40;

/// Grant of passwords and tokens. A plugin with this grant can issue a token for any principal with
/// these roles, and so act as any of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IdentityGrant {
    /// Roles of the tokens that the plugin may issue; if empty, it may only hash passwords.
    pub roles: Vec<String>,
}

impl IdentityGrant {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let wrong = self.roles.iter().find(|role| !is_role(role));
        require(
            "grants.identity.roles",
            wrong.is_none(),
            format_args!(
                "holds {:?}, which is not 1 to {MOST_ROLE} lower-case letters, digits and hyphens",
                wrong.map_or("", String::as_str)
            ),
        )
    }
}

fn is_role(role: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MOST_ROLE).contains(&role.len()) && role.chars().all(plain)
}

/// Deserializes `true` (the role `customer`), `false`, or a table with `roles`.
pub(super) fn switch_or_roles<'de, D>(deserializer: D) -> Result<Option<IdentityGrant>, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(SwitchOrRoles)
}

struct SwitchOrRoles;

impl<'de> Visitor<'de> for SwitchOrRoles {
    type Value = Option<IdentityGrant>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`true`, `false` or a table with `roles`")
    }

    fn visit_bool<E>(self, is_granted: bool) -> Result<Self::Value, E> {
        Ok(is_granted.then(|| IdentityGrant {
            roles: vec![CUSTOMER.to_owned()],
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IdentityGrant::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grants;

    fn roles(toml: &str) -> Result<Option<Vec<String>>, String> {
        let grants: Grants = toml::from_str(toml).map_err(|error| error.to_string())?;
        grants.check().map_err(|error| error.to_string())?;
        Ok(grants.identity.map(|identity| identity.roles))
    }

    #[test]
    fn without_roles_a_plugin_issues_those_of_customers_alone() {
        assert_eq!(roles(""), Ok(None));
        assert_eq!(roles("identity = false"), Ok(None));
        let customer = Some(vec!["customer".to_owned()]);
        assert_eq!(roles("identity = true"), Ok(customer));
    }

    #[test]
    fn roles_are_named() {
        let named = Some(vec!["customer".to_owned(), "merchant".to_owned()]);
        assert_eq!(
            roles("identity.roles = ['customer', 'merchant']"),
            Ok(named)
        );
        assert_eq!(roles("[identity]\nroles = []"), Ok(Some(Vec::new())));
        for bad in [
            "[identity]",
            "[identity]\nroles = ['*']",
            "[identity]\nroles = ['']",
            "[identity]\nroles = ['Merchant']",
            "[identity]\nrole = ['merchant']",
            "identity = 'merchant'",
            "identity = 1",
        ] {
            assert!(roles(bad).is_err(), "{bad}");
        }
    }
}
