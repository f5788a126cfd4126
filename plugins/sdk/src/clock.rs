//! Instants as the platform writes them: ISO 8601 in UTC, with milliseconds.
//!
//! They are those of this node's clock, which may be wrong, and of which each
//! node has its own. What is stored in or compared with rows that nodes share
//! is the database's: `{now}` in a statement, see [`sql`](crate::sql).

use std::time::{Duration, SystemTime};

/// Returns the present instant, such as `2019-07-21T08:56:02.000Z`.
#[must_use]
pub fn now() -> String {
    text(SystemTime::now())
}

/// Returns the instant this long ago.
#[must_use]
pub fn ago(time: Duration) -> String {
    text(
        SystemTime::now()
            .checked_sub(time)
            .unwrap_or(SystemTime::UNIX_EPOCH),
    )
}

/// Returns the instant this far in the future.
#[must_use]
pub fn after(time: Duration) -> String {
    let now = SystemTime::now();
    text(now.checked_add(time).unwrap_or(now))
}

/// Returns the number of seconds since 1970.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_the_order_of_time() {
        let hour = Duration::from_secs(3600);
        assert!(ago(hour) < now() && now() < after(hour));
        assert_eq!(text(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
