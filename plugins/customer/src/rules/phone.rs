//! Phone numbers, as people write them.

use edge_sdk::Result;
use shop_errors::CODES;

use crate::failures::BAD_PHONE;

/// Longest phone number as it is written, in characters.
const MAX_CHARS: usize = 100;

/// Fewest and most digits; international numbers have at most 15, and some
/// are dialled through a switchboard.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=20;

/// Returns the phone number without blanks around it.
///
/// Digits, with `-`, `.`, parentheses and blanks between them as everybody
/// likes, and perhaps one `+` before them all.
///
/// # Errors
/// `USR_07` for more than 100 characters, `USR_06` for what is no phone number.
pub fn parse(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_CHARS {
        return Err(CODES.too_long(field));
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let plain = number
        .chars()
        .all(|one| one.is_ascii_digit() || matches!(one, '-' | '.' | '(' | ')' | ' '));
    if plain && DIGITS.contains(&digits) {
        Ok(text.to_owned())
    } else {
        Err(BAD_PHONE.field(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_numbers_in_many_ways() {
        for text in [
            "5550123",
            "+351 323 213 511",
            "(020) 7946-0958",
            "1.800.555.0199",
            "+(44) 20 7946 0958",
            "00441632960961",
            "12345678901234567890",
        ] {
            assert_eq!(parse("day_phone", text).as_deref(), Ok(text));
        }
        assert_eq!(parse("day_phone", " 5550123 ").as_deref(), Ok("5550123"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            " ",
            "+",
            "123456",
            "123456789012345678901",
            "call me",
            "555-0123x9",
            "++5550123",
            "555+0123",
            "555\t0123",
            "555\r\n0123",
            "٥٥٥٠١٢٣",
            "-------",
            "NaN",
            "1e309",
            "5550123\0",
            "'; DROP TABLE customer;--",
        ] {
            let failure = parse("eve_phone", text).unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "USR_06"),
                "{text:?}"
            );
            assert_eq!(failure.faulty_field(), Some("eve_phone"));
        }
    }

    #[test]
    fn it_is_too_long_by_characters() {
        let failure = parse("mob_phone", &"1-".repeat(51)).unwrap_err();
        assert_eq!(failure.code(), "USR_07");
        assert_eq!(failure.message(), "this is too long mob_phone.");
    }
}
