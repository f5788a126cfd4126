//! How often something is allowed.
//!
//! GCRA keeps one number for each key: how far into the future the key's use
//! reaches, here called its *level*, in microseconds. Each unit raises it by
//! one *interval*; time lowers it; above the *capacity* nothing passes.

use std::time::Duration;

/// Longest window: numbers stay exact in a script, where they are floats.
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 3600);

/// A rate limit: `quota` in each `window`, and up to `burst` at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    id: String,
    quota: u32,
    window: Duration,
    burst: u32,
}

/// A policy makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Nothing would ever pass.
    #[error("quota and burst must be above 0")]
    Nothing,
    /// The window is too short for its quota, or too long.
    #[error("the window must be from one microsecond for each of its quota to 366 days")]
    Window,
    /// The id is no name.
    #[error("the id must not hold control characters")]
    Id,
}

impl Policy {
    /// A policy that counts under `id`, which tells it from all others.
    ///
    /// # Errors
    /// When nothing would pass, or the window does not fit the quota.
    pub fn new(
        id: impl Into<String>,
        quota: u32,
        window: Duration,
        burst: u32,
    ) -> Result<Self, PolicyError> {
        let id = id.into();
        if id.chars().any(char::is_control) {
            return Err(PolicyError::Id);
        }
        if quota == 0 || burst == 0 {
            return Err(PolicyError::Nothing);
        }
        if microseconds(window) < u64::from(quota) || window > LONGEST_WINDOW {
            return Err(PolicyError::Window);
        }
        Ok(Self {
            id,
            quota,
            window,
            burst,
        })
    }

    /// What it counts under.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many pass in each window.
    #[must_use]
    pub fn quota(&self) -> u32 {
        self.quota
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Microseconds that one unit takes.
    #[must_use]
    pub fn interval(&self) -> u64 {
        microseconds(self.window) / u64::from(self.quota)
    }

    /// The highest level.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst))
    }

    /// How much `cost` raises the level.
    #[must_use]
    pub fn rise(&self, cost: u32) -> u64 {
        self.interval().saturating_mul(u64::from(cost))
    }

    /// Whether `cost` passes at `level`.
    #[must_use]
    pub fn allows(&self, level: u64, cost: u32) -> bool {
        level.saturating_add(self.rise(cost.max(1))) <= self.capacity()
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn senseless_policies_are_refused() {
        let policy = |quota, window, burst| Policy::new("a", quota, window, burst);
        assert_eq!(policy(0, MINUTE, 1), Err(PolicyError::Nothing));
        assert_eq!(policy(1, MINUTE, 0), Err(PolicyError::Nothing));
        assert_eq!(policy(1, Duration::ZERO, 1), Err(PolicyError::Window));
        assert_eq!(
            policy(1001, Duration::from_millis(1), 1),
            Err(PolicyError::Window)
        );
        assert_eq!(
            policy(1, MINUTE * 60 * 24 * 367, 1),
            Err(PolicyError::Window)
        );
        assert_eq!(Policy::new("a\0b", 1, MINUTE, 1), Err(PolicyError::Id));
    }
}
