//! Parsers of values.

pub(super) mod allowed_urls;
pub(super) mod urls;

use std::net::SocketAddr;
use std::time::Duration;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "is not an address with a port, such as 127.0.0.1:8080".into())
}

pub(super) fn optional_address(text: &str) -> Result<Option<SocketAddr>, String> {
    match text {
        "off" => Ok(None),
        text => address(text).map(Some),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "on" => Ok(true),
        "false" | "off" => Ok(false),
        _ => Err("is neither `on` nor `off`".into()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        Duration::ZERO => Err("is zero".into()),
        duration => Ok(duration),
    }
}

/// Parses a duration of at least a second, for times that are checked only now
/// and then.
pub(super) fn at_least_a_second(text: &str) -> Result<Duration, String> {
    match delay(text)? {
        duration if duration >= Duration::from_secs(1) => Ok(duration),
        _ => Err("is less than a second".into()),
    }
}

/// Parses a duration, which may be zero.
pub(super) fn delay(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "is not a duration, such as `30s` or `250ms`".to_owned())
}

/// Parses a size in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let size = text.parse::<bytesize::ByteSize>();
    size.map(|size| size.as_u64())
        .map_err(|_| "is not a size such as 2GiB".into())
}

pub(super) fn bytes_or_off(text: &str) -> Result<u64, String> {
    match text {
        "off" => Ok(0),
        text => bytes(text),
    }
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("is not a whole number above 0".into()),
    }
}

pub(super) fn at_most_10_000(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number <= 10_000 => Ok(number),
        _ => Err("is not a whole number from 0 to 10000".into()),
    }
}

pub(super) fn at_least_one(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("is not a whole number above 0".into()),
    }
}

pub(super) fn percent(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(number) if number <= 100 => Ok(number),
        _ => Err("is not a whole number from 0 to 100".into()),
    }
}

pub(super) fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && ratio >= 1.0 => Ok(ratio),
        _ => Err("is not a number from 1".into()),
    }
}

/// Parses the name of a region.
pub(super) fn region(text: &str) -> Result<String, String> {
    if is_name(text) {
        Ok(text.into())
    } else {
        Err("is not 1 to 40 lower-case letters, digits and hyphens".into())
    }
}

/// Returns whether `text` is a name of a plugin or region.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 40 && text.chars().all(plain)
}
