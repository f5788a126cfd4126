//! What is known of the replies to one target, for operators.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use bundle::Digest;
use bundle::manifest::CachePolicy;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::{ReplyCache, Slot};

/// What is known of the replies of one release to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Explanation {
    /// There was no request lately.
    Unknown,
    /// The last reply was not kept.
    NotKept {
        /// Short name of the reason, as in `Cache-Status`.
        reason: String,
        /// The reason in words.
        because: String,
    },
    /// Replies are told apart by what the plugin asked for.
    Varies {
        /// Header fields that the plugin asked for.
        fields: Vec<String>,
        /// True if the plugin asked who calls.
        caller: bool,
    },
    /// One reply is kept for everybody.
    Kept {
        /// Time since it was made, in seconds.
        age: u64,
        /// Time for which it is fresh, in seconds.
        ttl: u64,
        /// True if no change of its data is known.
        is_current: bool,
    },
}

impl ReplyCache {
    /// Returns what is known of the replies of a release to `target`.
    #[must_use]
    pub fn explain(&self, policy: &CachePolicy, release: Digest, target: &str) -> Explanation {
        let key = Key::of_target(release, Arc::from(target));
        match self.slots.peek(&key) {
            None => Explanation::Unknown,
            Some(Slot::NotKept(reason)) => Explanation::NotKept {
                reason: reason.name().to_owned(),
                because: reason.to_string(),
            },
            Some(Slot::Varies(facets)) => Explanation::Varies {
                fields: facets.fields.iter().map(ToString::to_string).collect(),
                caller: facets.caller,
            },
            Some(Slot::Reply(entry)) => Explanation::Kept {
                age: entry.age().as_secs(),
                ttl: entry.time_to_live(policy).as_secs(),
                is_current: entry.is_unchanged(),
            },
        }
    }
}

impl Display for Explanation {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(to, "nothing is known: no request lately"),
            Self::NotKept { because, .. } => write!(to, "the last reply was not kept: {because}"),
            Self::Varies { fields, caller } => {
                write!(to, "replies are kept by {}", fields.join(", "))?;
                match caller {
                    true => write!(to, " for callers without a token"),
                    false => Ok(()),
                }
            }
            Self::Kept {
                age,
                ttl,
                is_current,
            } => {
                let state = match is_current {
                    true => "current",
                    false => "outdated by a change of its data",
                };
                write!(to, "kept, {state}; {age} s old, fresh for {ttl} s")
            }
        }
    }
}
