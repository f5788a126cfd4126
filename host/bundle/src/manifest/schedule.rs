//! The manifest section `[[schedule]]`: periodic tasks.

use std::time::Duration;

use serde::Deserialize;

use super::{ManifestError, require};

/// Periodic task, run by one node of a region at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Schedule {
    /// Name of the task, passed to `edge:platform/schedule`.
    pub task: String,
    /// Interval between the starts of two runs.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// Time limit for one run.
    #[serde(with = "humantime_serde", default = "default_deadline")]
    pub deadline: Duration,
}

fn default_deadline() -> Duration {
    Duration::from_secs(30)
}

impl Schedule {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        require(
            "schedule.task",
            !self.task.is_empty() && self.task.len() <= 40 && self.task.chars().all(plain),
            format_args!(
                "is {:?}, not 1 to 40 lower-case letters, digits and hyphens",
                self.task
            ),
        )?;
        let smallest = Duration::from_millis(100);
        require(
            "schedule.every",
            self.every >= smallest,
            "must be 100ms or longer",
        )?;
        require(
            "schedule.deadline",
            self.deadline >= smallest,
            "must be 100ms or longer",
        )
    }
}
