//! Money and percentages: whole hundredths in code, text with two decimals
//! outside of it.

/// Hundredths of one.
const HUNDREDTHS: u64 = 100;

/// The hundredths that a decimal text stands for: 1490 for `14.90`; `None` if
/// it is no such number.
#[must_use]
pub fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: u64 = format!("{part:0<2}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(HUNDREDTHS)?.checked_add(part)
}

/// The text of an amount in cents: `14.90` for 1490.
#[must_use]
pub fn text(cents: u64) -> String {
    format!("{}.{:02}", cents / HUNDREDTHS, cents % HUNDREDTHS)
}

/// So many hundredths of a percent of an amount, in cents. Half a cent is
/// rounded up.
#[must_use]
pub fn share(cents: u64, hundredths_of_percent: u64) -> u64 {
    const WHOLE: u128 = 10_000;
    let exact = u128::from(cents) * u128::from(hundredths_of_percent);
    u64::try_from((exact + WHOLE / 2) / WHOLE).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (written, expected) in [
            ("0.00", 0),
            ("14.90", 1490),
            ("14.9", 1490),
            ("14", 1400),
            ("0.07", 7),
            ("99999999.99", 9_999_999_999),
        ] {
            assert_eq!(hundredths(written), Some(expected), "{written}");
        }
    }

    #[test]
    fn anything_else_is_not_an_amount() {
        let bad = [
            "",
            ".",
            ".5",
            "-1.00",
            "+1.00",
            "1.001",
            "1e3",
            "1,00",
            " 1.00",
            "1.0x",
            "NaN",
            "18446744073709551615.00",
        ];
        for text in bad {
            assert_eq!(hundredths(text), None, "{text:?}");
        }
    }

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!(text(0), "0.00");
        assert_eq!(text(5), "0.05");
        assert_eq!(text(1490), "14.90");
        assert_eq!(text(9_999_999_999), "99999999.99");
    }

    #[test]
    fn half_a_cent_is_rounded_up() {
        assert_eq!(share(1000, 850), 85);
        assert_eq!(share(1490, 850), 127); // 126.65
        assert_eq!(share(10, 500), 1); // 0.5
        assert_eq!(share(9, 500), 0); // 0.45
        assert_eq!(share(1490, 0), 0);
        assert_eq!(share(u64::MAX, u64::MAX), u64::MAX);
    }
}
