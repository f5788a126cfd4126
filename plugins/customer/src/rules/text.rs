//! Names and the lines of an address: one line of text each.

use edge_sdk::Result;
use shop_errors::CODES;

use crate::failures::BAD_TEXT;

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 50;

/// Longest line of an address, in characters.
pub const MAX_ADDRESS_CHARS: usize = 100;

/// Returns the text without blanks around it, if it is one line of at most `most`
/// characters.
///
/// # Errors
/// `USR_07` for a longer one, `HTTP_400` for one with control characters.
pub fn line(field: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(CODES.too_long(field));
    }
    if text.chars().any(steers) {
        return Err(BAD_TEXT.field(field));
    }
    Ok(text.to_owned())
}

/// Returns whether a character is no part of a text but steers what shows it:
/// it ends a line, or turns the direction of what follows, so that a name could
/// pretend to be something else.
#[must_use]
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (String, Option<String>) {
        let failure = line("name", text, MAX_NAME_CHARS).unwrap_err();
        let field = failure.faulty_field().map(str::to_owned);
        (failure.code().to_owned(), field)
    }

    #[test]
    fn any_name_of_a_person_is_a_name() {
        for name in [
            "Ada",
            "Zoë Müller",
            "Nguyễn Thị Minh Khai",
            "李小龍",
            "O'Brien-Smith, Jr.",
            "שרה",
            "👩‍🚀",
            "<script>alert(1)</script>",
            "'; DROP TABLE customer;--",
            "=cmd()",
        ] {
            assert_eq!(line("name", name, MAX_NAME_CHARS).as_deref(), Ok(name));
        }
    }

    #[test]
    fn blanks_around_are_no_part_of_it() {
        assert_eq!(
            line("name", " \u{3000}Ada King\t", MAX_NAME_CHARS).as_deref(),
            Ok("Ada King")
        );
    }

    #[test]
    fn length_is_counted_in_characters() {
        let longest = "ü".repeat(MAX_NAME_CHARS);
        assert_eq!(
            line("name", &longest, MAX_NAME_CHARS).as_deref(),
            Ok(longest.as_str())
        );
        let field = Some("name".to_owned());
        assert_eq!(
            refusal(&"ü".repeat(MAX_NAME_CHARS + 1)),
            ("USR_07".to_owned(), field)
        );
    }

    #[test]
    fn what_steers_is_refused() {
        for name in [
            "a\0b",
            "Ada\r\nBcc: everybody@example.com",
            "a\nb",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2066}b",
        ] {
            let field = Some("name".to_owned());
            assert_eq!(refusal(name), ("HTTP_400".to_owned(), field), "{name:?}");
        }
    }
}
