//! Numbers and switches as clients write them in text: in a query, a form or
//! JSON.
//!
//! White space around them does not count. Whatever else is no number is
//! refused: `+1`, `0x10`, `1_000` and `١`.

use super::number;

/// Digits that are read of a number at most: no integer here has more.
const MOST_DIGITS: usize = 64;

/// A whole number without a sign: `2`, and `2.0`, `2e0` and `20e-1` as
/// languages write it that have one kind of number.
///
/// ```
/// use edge_sdk::text::natural;
///
/// assert_eq!(natural(" 20.0 "), Some(20));
/// assert_eq!(natural("2e1"), Some(20));
/// assert_eq!(natural("2.5"), None);
/// ```
#[must_use]
pub fn natural(text: &str) -> Option<u64> {
    number::natural(&digits(text.trim())?)
}

/// A whole number, perhaps after a minus sign; otherwise as [`natural`].
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(rest) => number::integer(&format!("-{}", digits(rest)?)),
        None => number::integer(&digits(text)?),
    }
}

/// A number that is finite.
pub(crate) fn finite(text: &str) -> Option<f64> {
    let number = text.trim().parse().ok();
    number.filter(|number: &f64| number.is_finite())
}

/// Reads a boolean: `true`, `1`, `on`, `yes` or `false`, `0`, `off`,
/// `no`, in any case of letters.
///
/// ```
/// use edge_sdk::text::switch;
///
/// assert_eq!(switch("OFF"), Some(false));
/// assert_eq!(switch("maybe"), None);
/// ```
#[must_use]
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// The digits of a number whose fraction, after its exponent, is zero.
fn digits(text: &str) -> Option<String> {
    let (decimal, exponent) = match text.split_once(['e', 'E']) {
        Some((decimal, exponent)) => (decimal, self::exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match decimal.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (decimal, None),
    };
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !fraction.is_none_or(is_plain) {
        return None;
    }
    let all = format!("{whole}{}", fraction.unwrap_or_default());
    moved(
        &all,
        i64::try_from(whole.len()).ok()?.checked_add(exponent)?,
    )
}

/// Ten's power: digits, perhaps after a sign.
fn exponent(text: &str) -> Option<i64> {
    number::integer(text.strip_prefix('+').unwrap_or(text))
}

/// The digits before a point that stands behind so many of them; none if
/// others than zeros are behind it.
fn moved(digits: &str, point: i64) -> Option<String> {
    let is_zero = |digits: &str| digits.bytes().all(|byte| byte == b'0');
    if is_zero(digits) {
        return Some("0".to_owned());
    }
    let point = usize::try_from(point).ok()?;
    match digits.split_at_checked(point) {
        Some((whole, rest)) => is_zero(rest).then(|| whole.to_owned()),
        None if point <= MOST_DIGITS => Some(format!("{digits:0<point$}")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_each_spelling() {
        for text in [
            "20", "020", " 20\r\n", "20.0", "20.00", "2e1", "2E+1", "2.0e1", "0.2e2", "200e-1",
            "20e0", "20e00",
        ] {
            assert_eq!(natural(text), Some(20), "{text:?}");
            assert_eq!(integer(text), Some(20), "{text:?}");
            let negative = format!(" -{}", text.trim());
            assert_eq!(integer(&negative), Some(-20), "{negative:?}");
            assert_eq!(natural(&negative), None, "{negative:?}");
        }
        for zero in ["0", "0.0", "00", "0e9", "0e-9", "0.000e1", "0e999999999999"] {
            assert_eq!(natural(zero), Some(0), "{zero:?}");
        }
        assert_eq!(integer("-0"), Some(0));
    }

    #[test]
    fn what_is_no_whole_number() {
        for text in [
            "", " ", "-", "+1", "1.5", "1.", ".0", ".5e1", "1.0.0", "1e", "1e-1", "15e-1",
            "1.25e1", "1e1.0", "1e1e1", "1e--1", "1e+-1", "e1", "- 1", "--1", "0x10", "١", "1_000",
            "1 0", "null", "NaN", "true", "1\0",
        ] {
            assert_eq!(natural(text), None, "{text:?}");
            assert_eq!(integer(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_end_where_integers_do() {
        assert_eq!(natural("18446744073709551615.0"), Some(u64::MAX));
        assert_eq!(natural("1.8446744073709551615e19"), Some(u64::MAX));
        assert_eq!(natural("18446744073709551616"), None);
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer("9223372036854775808"), None);
        for exponent in [
            "20",
            "309",
            "99999999999",
            "9223372036854775807",
            "-99999999999",
        ] {
            assert_eq!(natural(&format!("1e{exponent}")), None, "{exponent}");
            assert_eq!(integer(&format!("-1e{exponent}")), None, "{exponent}");
        }
        assert_eq!(natural("1e99999999999999999999"), None);
    }

    #[test]
    fn switches_have_four_pairs_of_words() {
        for (text, is_on) in [
            ("true", true),
            ("1", true),
            ("On", true),
            (" yes ", true),
            ("FALSE", false),
            ("0", false),
            ("OFF", false),
            ("no", false),
        ] {
            assert_eq!(switch(text), Some(is_on), "{text:?}");
        }
        for text in ["", " ", "2", "y", "null", "ON OFF"] {
            assert_eq!(switch(text), None, "{text:?}");
        }
    }
}
