//! Times and lengths of time, as operators write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate};

/// Parses a time, or a duration that has passed since, into milliseconds since
/// 1970.
pub(super) fn time(text: &str) -> Result<i64, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        let midnight = day.and_hms_opt(0, 0, 0).ok_or("is no day")?;
        return Ok(midnight.and_utc().timestamp_millis());
    }
    let ago = humantime::parse_duration(text);
    let ago =
        ago.map_err(|_| "is no day, no time in RFC 3339, and no length of time".to_owned())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let then = now.unwrap_or(Duration::ZERO).saturating_sub(ago);
    Ok(i64::try_from(then.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_instants_and_lengths() {
        assert_eq!(time("1970-01-02"), Ok(86_400_000));
        assert_eq!(time("1970-01-01T01:00:00Z"), Ok(3_600_000));
        assert_eq!(time("1970-01-01T01:00:00+01:00"), Ok(0));
        assert!(time("24h").is_ok_and(|then| then > 1_700_000_000_000));
        for wrong in ["", "yesterday", "2026-13-01", "24", "-1h"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }
}
