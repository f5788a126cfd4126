//! Phases of a rollout.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Phase of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The release is being brought to one region after another.
    Running,
    /// The canary serves in all regions and goes through its steps, until its plan or an operator
    /// promotes it.
    Canary,
    /// The canary becomes the active release, region by region.
    Promoting,
    /// An operator aborted the rollout, and its changes are being reverted.
    Aborting,
    /// The rollout failed or its canary does worse, and its changes are being reverted.
    Failing,
    /// The release serves in all regions.
    Done,
    /// The rollout failed, and its changes have been reverted where it failed.
    Failed,
    /// An operator aborted the rollout, and its changes have been reverted.
    Aborted,
    /// A phase of a newer host version. This version leaves such a rollout to the newer hosts.
    #[serde(other)]
    Other,
}

impl Phase {
    /// Returns whether the rollout has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Aborted)
    }

    /// Returns whether a canary of the rollout serves beside the active release, or will: it has been
    /// neither promoted nor withdrawn.
    #[must_use]
    pub fn precedes_promotion(self) -> bool {
        matches!(self, Self::Running | Self::Canary)
    }

    /// Returns whether a rollout in this phase can be paused. A rollout that is being reverted
    /// cannot.
    #[must_use]
    pub fn can_be_paused(self) -> bool {
        matches!(self, Self::Running | Self::Canary | Self::Promoting)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Canary => "canary",
            Self::Promoting => "promoting",
            Self::Aborting => "aborting",
            Self::Failing => "failing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let all = [
            Self::Running,
            Self::Canary,
            Self::Promoting,
            Self::Aborting,
            Self::Failing,
            Self::Done,
            Self::Failed,
            Self::Aborted,
        ];
        let found = all.into_iter().find(|phase| phase.name() == text);
        Ok(found.unwrap_or(Self::Other))
    }
}
