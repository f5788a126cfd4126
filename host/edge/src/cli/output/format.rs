//! Text of times and durations.

use std::time::Duration;

use chrono::DateTime;

/// Returns a time, given in milliseconds since 1970.
pub(in crate::cli) fn when(milliseconds: i64) -> String {
    let time = DateTime::from_timestamp_millis(milliseconds);
    time.map_or("-".to_owned(), |time| {
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}

/// Returns a latency, given in microseconds.
pub(in crate::cli) fn latency(micros: u64) -> String {
    match micros {
        0 => "-".to_owned(),
        micros => format!("{:.1?}", Duration::from_micros(micros)),
    }
}
