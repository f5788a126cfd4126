//! Money and percentages: whole hundredths in code, text with two decimals
//! outside of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number::natural;
use crate::sql::Value;

/// Hundredths of one.
const HUNDREDTHS: u64 = 100;

/// Decimals of an amount of money.
const MONEY_DECIMALS: usize = 2;

/// Decimals that are kept of a percentage.
const PERCENTAGE_DECIMALS: usize = 4;

/// An amount of money in cents; elsewhere, text such as `14.90`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cents(pub u64);

/// A text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no amount of money")]
pub struct NotMoney(String);

impl Cents {
    /// The amount that a decimal text stands for, with however many decimals:
    /// it is rounded to cents, half a cent up. `None` for anything else, and
    /// for less than 0.
    #[must_use]
    pub fn rounded(text: &str) -> Option<Self> {
        rounded(text, MONEY_DECIMALS).map(Self)
    }

    /// So many times the amount.
    #[must_use]
    pub fn times(self, quantity: u32) -> Self {
        Self(self.0.saturating_mul(quantity.into()))
    }

    /// So much of the amount. Half a cent is rounded up.
    #[must_use]
    pub fn share(self, percentage: Percentage) -> Self {
        const WHOLE: u128 = 1_000_000;
        let exact = u128::from(self.0) * u128::from(percentage.0);
        Self(u64::try_from((exact + WHOLE / 2) / WHOLE).unwrap_or(u64::MAX))
    }
}

impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), |sum, amount| Self(sum.0.saturating_add(amount.0)))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}.{:02}",
            self.0 / HUNDREDTHS,
            self.0 % HUNDREDTHS
        )
    }
}

impl TryFrom<String> for Cents {
    type Error = NotMoney;

    fn try_from(text: String) -> Result<Self, NotMoney> {
        hundredths(&text).map(Self).ok_or(NotMoney(text))
    }
}

impl From<Cents> for String {
    fn from(amount: Cents) -> Self {
        amount.to_string()
    }
}

impl From<Cents> for Value {
    fn from(amount: Cents) -> Self {
        Self::Text(amount.to_string())
    }
}

/// A percentage in ten-thousandths of a percent; elsewhere, text with two
/// decimals, or as many as it needs, such as `8.50` and `8.875`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Percentage(pub u64);

impl Percentage {
    /// The percentage that a decimal text stands for, rounded to four
    /// decimals. `None` for anything else, and for less than 0.
    #[must_use]
    pub fn rounded(text: &str) -> Option<Self> {
        rounded(text, PERCENTAGE_DECIMALS).map(Self)
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WHOLE: u64 = 10_000;
        let decimals = format!("{:04}", self.0 % WHOLE);
        let (two, more) = decimals.split_at(MONEY_DECIMALS);
        let more = more.trim_end_matches('0');
        write!(formatter, "{}.{two}{more}", self.0 / WHOLE)
    }
}

impl From<Percentage> for String {
    fn from(percentage: Percentage) -> Self {
        percentage.to_string()
    }
}

/// A decimal text in units of so many decimals, half a unit rounded up.
fn rounded(text: &str, decimals: usize) -> Option<u64> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let kept: String = part
        .chars()
        .chain("0".repeat(decimals).chars())
        .take(decimals)
        .collect();
    let is_rounded_up = part
        .as_bytes()
        .get(decimals)
        .is_some_and(|&digit| digit >= b'5');
    let units = natural(&format!("{whole}{kept}")).filter(|_| !whole.is_empty())?;
    let units = units.checked_add(u64::from(is_rounded_up))?;
    // `-0.00` is what some databases make of nothing.
    (!is_negative || units == 0).then_some(units)
}

/// The hundredths that a decimal text stands for: 1490 for `14.90`, `14.9`;
/// `None` if it is no such number, with at most two decimals and no sign.
#[must_use]
pub fn hundredths(text: &str) -> Option<u64> {
    let (whole, part) = match text.split_once('.') {
        None => (text, 0),
        Some((whole, decimals)) => (whole, fraction(decimals)?),
    };
    natural(whole)?.checked_mul(HUNDREDTHS)?.checked_add(part)
}

fn fraction(decimals: &str) -> Option<u64> {
    match decimals.len() {
        1 => natural(decimals).map(|tenths| 10 * tenths),
        2 => natural(decimals),
        _ => None,
    }
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
            "5.",
            "1.5.0",
            "١",
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
        assert_eq!(Cents(0).to_string(), "0.00");
        assert_eq!(Cents(5).to_string(), "0.05");
        assert_eq!(Cents(1490).to_string(), "14.90");
        assert_eq!(Cents(9_999_999_999).to_string(), "99999999.99");
        assert_eq!(serde_json::to_string(&Cents(7)).unwrap(), r#""0.07""#);
        assert_eq!(
            serde_json::from_str::<Cents>(r#""14.9""#).unwrap(),
            Cents(1490)
        );
        assert!(serde_json::from_str::<Cents>(r#""-1.00""#).is_err());
    }

    #[test]
    fn other_decimals_are_rounded_and_nothing_else_is_taken() {
        for (text, cents) in [
            ("14", 1400),
            ("14.5", 1450),
            ("14.994999", 1499),
            ("14.995", 1500),
            ("0.0049", 0),
            ("-0.001", 0),
            ("-0.00", 0),
        ] {
            assert_eq!(Cents::rounded(text), Some(Cents(cents)), "{text}");
        }
        let bad = [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "-0.005",
            "+1",
            "1e3",
            "1,5",
            "1.5.0",
            "1.\u{661}",
            "NaN",
            "inf",
            "99999999999999999999",
        ];
        for text in bad {
            assert_eq!(Cents::rounded(text), None, "{text}");
        }
    }

    #[test]
    fn sums_do_not_wrap() {
        assert_eq!(Cents(1490).times(3), Cents(4470));
        assert_eq!(Cents(u64::MAX).times(2), Cents(u64::MAX));
        assert_eq!(
            [Cents(u64::MAX), Cents(1)].into_iter().sum::<Cents>(),
            Cents(u64::MAX)
        );
    }

    #[test]
    fn half_a_cent_is_rounded_up() {
        let share = |cents, percent| Cents(cents).share(Percentage(percent)).0;
        assert_eq!(share(1000, 85_000), 85);
        assert_eq!(share(1490, 85_000), 127); // 126.65
        assert_eq!(share(10, 50_000), 1); // 0.5
        assert_eq!(share(9, 50_000), 0); // 0.45
        assert_eq!(share(10_000, 88_750), 888); // 887.5
        assert_eq!(share(1490, 0), 0);
        assert_eq!(share(u64::MAX, u64::MAX), u64::MAX);
    }
}
