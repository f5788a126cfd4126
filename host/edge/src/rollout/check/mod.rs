//! Outside verdicts on a canary: a query of Prometheus, or a webhook.
//!
//! A node asks only addresses that its own settings allow, so that a token of
//! operators is no way to make nodes call whatever they can reach.

mod ask;
mod prometheus;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

pub use ask::{Checks, ChecksError};

/// Whom to ask about a canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// A query that finds something while the canary does badly.
    Prometheus {
        /// Where the API of Prometheus is, without `/api/v1/query`.
        url: String,
        /// The query, in PromQL.
        query: String,
    },
    /// A service that is told of the canary and answers with a verdict.
    Webhook {
        /// Where it takes a POST.
        url: String,
    },
    /// A check of a newer host, which this version cannot ask: the canary stays
    /// at its step until a node that can has asked it.
    #[serde(skip_deserializing)]
    Other,
}

/// Stands for the address of a check that this version cannot ask.
const OTHER: &str = "of a kind that this version of the host does not know";

impl Check {
    /// Reads a check that any version of the host may have written. One that
    /// this version does not know in full is [`Check::Other`].
    ///
    /// # Errors
    /// When `deserializer` yields no value.
    pub fn stored<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        let stored = Option::<serde_json::Value>::deserialize(deserializer)?;
        Ok(stored.map(|value| Self::deserialize(value).unwrap_or(Self::Other)))
    }

    /// Returns the address that is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Prometheus { url, .. } | Self::Webhook { url } => url,
            Self::Other => OTHER,
        }
    }

    /// Returns the length of its texts, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Prometheus { url, query } => url.len() + query.len(),
            Self::Webhook { url } => url.len(),
            Self::Other => 0,
        }
    }
}

/// What an outside check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The canary may go on to its next step when that is due.
    Continue,
    /// The canary may be promoted at once.
    Promote,
    /// The canary does worse and is to be withdrawn.
    Withdraw,
    /// There was no answer, or none that can be understood, such as that of a
    /// newer host: the canary stays at its step.
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

/// A verdict and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason, for people.
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
