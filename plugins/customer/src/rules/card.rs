//! Numbers of credit cards, of which the shop keeps the last four digits.

use edge_sdk::Result;
use serde::Deserializer;

use crate::failures::BAD_CARD;
use crate::stored;

const FIELD: &str = "credit_card";

/// Fewest and most digits of a card number (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Mask in place of the digits that are not kept, however many they were.
const HIDDEN: &str = "XXXXXXXXXXXX";

/// Digits that are kept.
const KEPT: usize = 4;

/// Returns `XXXXXXXXXXXX1234` for a card number, with blanks or hyphens or without.
///
/// # Errors
/// `USR_08` unless it has 12 to 19 digits, does not begin with 0, and its
/// check digit is right.
pub fn mask(text: &str) -> Result<String> {
    digits(text)
        .filter(|digits| !digits.starts_with('0') && is_checked(digits))
        .and_then(|digits| last_four(&digits))
        .ok_or(BAD_CARD.field(FIELD))
}

/// Returns the stored card of a row as it may be shown: an older shop may have
/// stored whole numbers, or something else that nobody can show.
///
/// # Errors
/// None that a value of a row can cause.
pub fn deserialize_masked<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let stored = stored::text(deserializer)?;
    Ok(stored.and_then(|stored| shown(&stored)))
}

fn shown(stored: &str) -> Option<String> {
    let plain: String = stored.chars().filter(|one| !is_separator(*one)).collect();
    let digits = plain.trim_start_matches(is_mask);
    let is_card = match digits.len() == plain.len() {
        true => DIGITS.contains(&digits.len()),
        false => digits.len() == KEPT,
    };
    match is_card && is_digits(digits) {
        true => last_four(digits),
        false => None,
    }
}

/// Returns whether older shops put the character between the digits.
fn is_separator(one: char) -> bool {
    one.is_whitespace() || matches!(one, '-' | '.' | '/')
}

/// Returns whether older shops put the character in place of digits.
fn is_mask(one: char) -> bool {
    matches!(one, 'X' | 'x' | '*' | '#' | '\u{2022}')
}

/// Returns the digits of a text that has as many as a card, and else only
/// blanks and hyphens.
fn digits(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|one| !matches!(one, ' ' | '-'))
        .collect();
    (is_digits(&digits) && DIGITS.contains(&digits.len())).then_some(digits)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn last_four(digits: &str) -> Option<String> {
    let kept = digits.get(digits.len().checked_sub(KEPT)?..)?;
    Some(format!("{HIDDEN}{kept}"))
}

/// Makes Luhn's check: from the right, every second digit counts twice, by the sum
/// of its digits.
fn is_checked(digits: &str) -> bool {
    let from_right = digits.bytes().rev().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = from_right
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, twice @ 0..=9) => twice,
            (_, twice) => twice - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_digits_are_kept() {
        for (text, masked) in [
            ("4242424242424242", "XXXXXXXXXXXX4242"),
            ("4242 4242 4242 4242", "XXXXXXXXXXXX4242"),
            ("4000-0566-5566-5556", "XXXXXXXXXXXX5556"),
            (" 5555555555554444 ", "XXXXXXXXXXXX4444"),
            ("378282246310005", "XXXXXXXXXXXX0005"),
            ("30569309025904", "XXXXXXXXXXXX5904"),
            ("6205500000000000004", "XXXXXXXXXXXX0004"),
            ("501800000009", "XXXXXXXXXXXX0009"),
        ] {
            assert_eq!(mask(text).as_deref(), Ok(masked), "{text}");
        }
    }

    #[test]
    fn what_is_no_card_is_refused() {
        for text in [
            "",
            " ",
            "4242424242424241",
            "4242424242424224",
            "42424242424",
            "42424242424242424242",
            "0000000000000000",
            "XXXXXXXXXXXX4242",
            "4242.4242.4242.4242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
            "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
            "+4242424242424242",
            "4242424242424242\0",
            "4.242424242424242e15",
            "NaN",
            "ü",
        ] {
            let failure = mask(text).unwrap_err();
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "USR_08"),
                "{text:?}"
            );
            assert_eq!(failure.faulty_field(), Some("credit_card"));
            assert!(!format!("{failure:?}").contains("4242"));
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        let card = "4242424242424242";
        for place in 0..card.len() {
            for digit in "0123456789".chars() {
                let mut wrong = card.to_owned();
                wrong.replace_range(place..=place, &digit.to_string());
                assert_eq!(mask(&wrong).is_ok(), wrong == card, "{wrong}");
            }
        }
    }

    #[test]
    fn whatever_is_stored_is_shown_masked_or_not_at_all() {
        for (stored, masked) in [
            ("XXXXXXXXXXXX1234", Some("XXXXXXXXXXXX1234")),
            ("4242424242424242", Some("XXXXXXXXXXXX4242")),
            ("4242 4242 4242 4241", Some("XXXXXXXXXXXX4241")),
            (" 4242.4242.4242.4242\n", Some("XXXXXXXXXXXX4242")),
            ("XXXX-XXXX-XXXX-1234", Some("XXXXXXXXXXXX1234")),
            ("************1234", Some("XXXXXXXXXXXX1234")),
            ("x1234", Some("XXXXXXXXXXXX1234")),
            ("", None),
            ("1234", None),
            ("XXXXXXXXXXXX42424242", None),
            ("XXXXXXXXXXXXabcd", None),
            ("8f3a00b1c44d", None),
            ("<card>4242424242424242</card>", None),
        ] {
            assert_eq!(shown(stored).as_deref(), masked, "{stored}");
        }
    }
}
