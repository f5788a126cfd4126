//! Numbers in text, read strictly.
//! Clients write `+1`, ` 1`, `1e3` and `١` too; none of those is a number here.

/// A whole number without a sign, in ASCII digits.
pub(crate) fn natural(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// A whole number in ASCII digits, perhaps after a minus sign.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: [&str; 17] = [
        "", " ", "1.5", "1e3", "1e309", "NaN", "+1", " 1", "1 ", "0x10", "١", "1_000", "null",
        "true", "[]", "--1", "1\0",
    ];

    #[test]
    fn only_plain_digits_are_numbers() {
        for text in NEVER {
            assert_eq!(natural(text), None, "{text:?}");
            assert_eq!(integer(text), None, "{text:?}");
        }
    }

    #[test]
    fn natural_numbers_reach_u64() {
        assert_eq!(natural("0"), Some(0));
        assert_eq!(natural("01"), Some(1));
        assert_eq!(natural("18446744073709551615"), Some(u64::MAX));
        assert_eq!(natural("18446744073709551616"), None);
        assert_eq!(natural("-1"), None);
    }

    #[test]
    fn integers_reach_i64_both_ways() {
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer("9223372036854775808"), None);
        assert_eq!(integer("-"), None);
    }
}
