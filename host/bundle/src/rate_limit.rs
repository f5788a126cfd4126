//! Rate limit policies, counted by the generic cell rate algorithm (GCRA).
//!
//! GCRA keeps one number for each key, here called its *level*, in microseconds: how far the key's
//! use reaches into the future. Each unit raises it by one *interval*, passing time lowers it, and
//! a request that would raise it above the *capacity* is rejected.

use std::time::Duration;

/// Maximum length of a window, within which levels stay exact as floating-point numbers in a Redis
/// script.
const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 3600);

/// Rate limit of `quota` units in each `window`, and up to `burst` at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    id: String,
    quota: u32,
    window: Duration,
    burst: u32,
}

/// Error of an invalid policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The quota or the burst is 0, so nothing would ever be allowed.
    #[error("quota and burst must be above 0")]
    Nothing,
    /// The window is too short for its quota, or longer than 366 days.
    #[error("the window must be from one microsecond for each of its quota to 366 days")]
    Window,
    /// The id has control characters.
    #[error("the id must not hold control characters")]
    Id,
}

impl Policy {
    /// Returns a policy that counts under `id`, which has to be unique.
    ///
    /// # Errors
    /// Returns an error if `quota` or `burst` is 0, if `window` does not fit `quota`, or if `id`
    /// has control characters.
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

    /// Returns the id under which the policy counts.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the number of units allowed in each window.
    #[must_use]
    pub fn quota(&self) -> u32 {
        self.quota
    }

    /// Returns the length of the window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Returns the microseconds by which one unit raises the level.
    #[must_use]
    pub fn interval(&self) -> u64 {
        microseconds(self.window) / u64::from(self.quota)
    }

    /// Returns the maximum level, in microseconds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.interval().saturating_mul(u64::from(self.burst))
    }

    /// Returns the microseconds by which `cost` raises the level.
    #[must_use]
    pub fn rise(&self, cost: u32) -> u64 {
        self.interval().saturating_mul(u64::from(cost))
    }

    /// Returns whether `cost` is allowed at `level`. A cost of 0 is checked as 1.
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
