//! The manifest section `[[rate-limit]]`: limits on how often a subject may send requests.

use std::time::Duration;

use serde::Deserialize;

use super::{ManifestError, is_route, require};
use crate::rate_limit::{Policy, PolicyError};

/// Limit of `quota` requests in each `window` for each subject.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimit {
    /// Name of the policy in replies, logs and calls of the plugin.
    pub name: String,
    /// Methods that are counted; if empty, all of them.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Path prefix that is counted, matched by whole segments. Without it, the plugin itself
    /// counts, by `edge:platform/rate-limit`.
    pub path: Option<String>,
    /// Subject whose requests are counted together.
    #[serde(default)]
    pub by: Subject,
    /// Number of requests allowed in one window, also as a burst.
    pub quota: u32,
    /// Length of the window.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
}

/// Subject whose requests are counted together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Subject {
    /// Address of the client.
    #[default]
    Address,
    /// Principal that the token names.
    Principal,
    /// Value of a field of the body, such as an e-mail address.
    Field(String),
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "address" => Ok(Self::Address),
            "principal" => Ok(Self::Principal),
            other => match other.strip_prefix("field:") {
                Some(field) if !field.is_empty() => Ok(Self::Field(field.to_owned())),
                _ => Err(format!(
                    "{text:?} is none of `address`, `principal` and `field:<name>`"
                )),
            },
        }
    }
}

impl RateLimit {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        require(
            "rate-limit.name",
            !self.name.is_empty() && self.name.len() <= 40 && self.name.chars().all(plain),
            format_args!(
                "is {:?}, not 1 to 40 lower-case letters, digits and hyphens",
                self.name
            ),
        )?;
        let is_method = |text: &String| text.chars().all(|c| c.is_ascii_uppercase());
        require(
            "rate-limit.methods",
            self.methods.iter().all(|m| !m.is_empty() && is_method(m)),
            format_args!("of {:?} are not all methods such as \"POST\"", self.name),
        )?;
        if let Some(path) = &self.path {
            require(
                "rate-limit.path",
                is_route(path),
                format_args!("is {path:?}, not a path of plain segments such as \"/products\""),
            )?;
        }
        match self.policy("") {
            Ok(_) => Ok(()),
            Err(problem) => require(
                "rate-limit",
                false,
                format_args!("{:?}: {problem}", self.name),
            ),
        }
    }

    /// Returns the policy of `plugin` for the limiter.
    ///
    /// # Errors
    /// Returns an error if the quota is 0, or the window does not fit the quota.
    pub fn policy(&self, plugin: &str) -> Result<Policy, PolicyError> {
        let id = format!("{plugin}/{}", self.name);
        Policy::new(id, self.quota, self.window, self.quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_an_address_a_principal_or_a_field() {
        let subject = |text: &str| Subject::try_from(text.to_owned());
        assert_eq!(subject("address"), Ok(Subject::Address));
        assert_eq!(
            subject("field:email"),
            Ok(Subject::Field("email".to_owned()))
        );
        for bad in ["", "field:", "Address", "header:x"] {
            assert!(subject(bad).is_err(), "{bad}");
        }
    }
}
