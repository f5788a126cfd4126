//! Prices, in cents.

use edge_sdk::money::hundredths;

/// The most that a price may be, in cents: its column is a `DECIMAL(10, 2)`.
pub const MAX_CENTS: u64 = 9_999_999_999;

/// Returns the cents of an amount such as `14.95`, `14.9` or `14`, and of nothing
/// else: no sign, no third decimal, no more than [`MAX_CENTS`].
#[must_use]
pub fn cents(text: &str) -> Option<u64> {
    hundredths(text).filter(|amount| *amount <= MAX_CENTS)
}

/// Returns what a product costs now, given its two prices: the discounted one,
/// unless that is 0.
#[must_use]
pub fn effective(price: u64, discounted_price: u64) -> u64 {
    match discounted_price {
        0 => price,
        lower => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_cent() {
        let amounts = [
            ("14.95", 1495),
            ("14.9", 1490),
            ("14", 1400),
            ("0", 0),
            ("0.00", 0),
            ("0.05", 5),
            ("007.10", 710),
            ("99999999.99", MAX_CENTS),
        ];
        for (text, expected) in amounts {
            assert_eq!(cents(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        let texts = [
            "",
            " ",
            ".",
            ".5",
            "5.",
            "-1",
            "-0",
            "+1",
            "1.234",
            "1,50",
            "1.5.0",
            "1e3",
            "1e309",
            "NaN",
            "0x10",
            "١",
            " 1",
            "1 ",
            "1_000",
            "1\0",
            "$1",
            "null",
            "100000000",
            "99999999.999",
            "100000000.00",
            "18446744073709551616",
        ];
        for text in texts {
            assert_eq!(cents(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_discount_of_nothing_is_none() {
        assert_eq!(effective(1495, 995), 995);
        assert_eq!(effective(1495, 0), 1495);
        assert_eq!(effective(0, 0), 0);
    }
}
