//! External checks of a canary: a Prometheus query, or a webhook.
//!
//! A node calls only URLs that its own settings allow, so that an operator's
//! token cannot make nodes call whatever they can reach.

mod ask;
mod prometheus;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

pub use ask::{Checks, ChecksError};

/// External check that is asked about a canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// Prometheus query that returns a value other than 0 while the canary does
    /// badly.
    Prometheus {
        /// Base URL of the Prometheus API, without `/api/v1/query`.
        url: String,
        /// Query in PromQL.
        query: String,
    },
    /// Webhook that gets the facts about the canary and answers with a verdict.
    Webhook {
        /// URL that takes a POST request.
        url: String,
    },
    /// Check written by a newer host, which this version cannot ask: the canary
    /// stays at its step until a node that can has asked it.
    #[serde(skip_deserializing)]
    Other,
}

/// Text in place of the URL of a check that this version cannot ask.
const OTHER: &str = "of a kind that this version of the host does not know";

impl Check {
    /// Deserializes a check that any version of the host may have written. A
    /// check that this version does not know in full becomes [`Check::Other`].
    ///
    /// # Errors
    /// When `deserializer` yields no value.
    pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let stored = Option::<serde_json::Value>::deserialize(deserializer)?;
        Ok(stored.map(|value| Self::deserialize(value).unwrap_or(Self::Other)))
    }

    /// Returns the URL that is asked; for [`Check::Other`], a text that says
    /// the kind is unknown.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Prometheus { url, .. } | Self::Webhook { url } => url,
            Self::Other => OTHER,
        }
    }

    /// Returns the total length of the URL and the query, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Prometheus { url, query } => url.len() + query.len(),
            Self::Webhook { url } => url.len(),
            Self::Other => 0,
        }
    }
}

/// Verdict of an external check on a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The canary may advance to its next step when that is due.
    Continue,
    /// The canary may be promoted at once.
    Promote,
    /// The canary does worse and has to be withdrawn.
    Withdraw,
    /// There was no answer, or one that this version does not know, such as a
    /// newer host's: the canary stays at its step.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Continue => "continue",
            Self::Promote => "promote",
            Self::Withdraw => "withdraw",
            Self::Unknown => "unknown",
        })
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Continue, Self::Promote, Self::Withdraw, Self::Unknown];
        let found = all.into_iter().find(|one| one.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is no verdict"))
    }
}

/// Answer of an external check: a verdict and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Verdict on the canary.
    pub verdict: Verdict,
    /// Human-readable reason; empty if the check gave none.
    #[serde(default)]
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_newer_hosts_are_read() {
        let text = r#"{"verdict":"hold","reason":"r","more":1}"#;
        let answer: Answer = serde_json::from_str(text).expect("an answer");
        assert_eq!(answer.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_check_that_is_asked_for_is_known_in_full() {
        let refused = [
            r#"{"webhook":{"url":"http://h","more":1}}"#,
            r#"{"oracle":{}}"#,
            r#""other""#,
        ];
        for text in refused {
            assert!(serde_json::from_str::<Check>(text).is_err(), "{text}");
        }
    }
}
