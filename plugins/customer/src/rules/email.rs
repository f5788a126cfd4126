//! E-mail addresses, and which of them are the same.

use edge_sdk::Result;
use email_address::{EmailAddress, Options};
use shop_errors::CODES;
use unicode_normalization::UnicodeNormalization;

use crate::failures::BAD_EMAIL;

/// Longest address, in characters.
const MAX_CHARS: usize = 100;

const FIELD: &str = "email";

/// The form of an address: `local@domain.tld`, and nothing around it.
const FORM: Options = Options {
    minimum_sub_domains: 2,
    allow_domain_literal: false,
    allow_display_text: false,
};

/// An e-mail address.
///
/// However a character is composed (NFC, NFD), the address is one; so it is in
/// whatever case. No accent is dropped: `u` and `ü` are different people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    text: String,
    key: String,
}

impl Email {
    /// Reads an address. One in quotes (`"a b"@c.de`) is refused: nobody is
    /// known to have such, and much goes wrong with them.
    ///
    /// # Errors
    /// `USR_07` for more than 100 characters, `USR_03` for what is no address.
    pub fn parse(text: &str) -> Result<Self> {
        let text: String = text.nfc().collect();
        if text.chars().count() > MAX_CHARS {
            return Err(CODES.too_long(FIELD));
        }
        // The parser takes `<` for the end of a display name, even of none.
        let plain = !text.contains(['"', '<']);
        if plain && EmailAddress::parse_with_options(&text, FORM).is_ok() {
            let key = key(&text);
            Ok(Self { text, key })
        } else {
            Err(BAD_EMAIL.field(FIELD))
        }
    }

    /// Returns the address as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what two writings of the same address have in common. The column
    /// `email_key` holds it, and compares it byte by byte.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Returns a text in lower case, character by character: a sigma is the same at
/// the end of a word. The migration of an existing table does the same in SQL.
fn key(text: &str) -> String {
    let lowered = text.chars().flat_map(char::to_lowercase);
    lowered
        .map(|character| match character {
            'ς' => 'σ',
            other => other,
        })
        .nfc()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(text: &str) -> String {
        Email::parse(text).unwrap().key().to_owned()
    }

    fn code_of(text: &str) -> String {
        let failure = Email::parse(text).unwrap_err();
        assert_eq!(
            (failure.status(), failure.faulty_field()),
            (400, Some("email"))
        );
        failure.code().to_owned()
    }

    #[test]
    fn an_address_is_kept_as_it_was_written() {
        for text in [
            "ada@example.com",
            "Ada.King+shirts@Example.CO.UK",
            "o'brien@example.com",
            "zoë@bücher.example",
            "用户@例子.广告",
            "a@b.co",
            "x_1-2%=?@xn--bcher-kva.example",
        ] {
            assert_eq!(Email::parse(text).unwrap().text(), text);
        }
    }

    #[test]
    fn case_makes_no_difference() {
        for (one, other) in [
            ("Ada@Example.COM", "ada@example.com"),
            ("ZOË@BÜCHER.example", "zoë@bücher.example"),
            ("ΟΔΟΣ@example.com", "οδος@example.com"),
            ("ẞ@example.com", "ß@example.com"),
        ] {
            assert_eq!(key_of(one), key_of(other));
        }
    }

    #[test]
    fn composition_makes_no_difference() {
        let (composed, decomposed) = ("zo\u{eb}@example.com", "zoe\u{308}@example.com");
        assert_eq!(key_of(composed), key_of(decomposed));
        assert_eq!(Email::parse(decomposed).unwrap().text(), composed);
        assert_eq!(
            key_of("\u{1e69}@example.com"),
            key_of("S\u{307}\u{323}@example.com")
        );
    }

    #[test]
    fn accents_and_look_alikes_make_different_people() {
        for (one, other) in [
            ("müller@example.com", "muller@example.com"),
            ("strasse@example.com", "straße@example.com"),
            ("İ@example.com", "i@example.com"),
            ("ı@example.com", "i@example.com"),
            ("а@example.com", "a@example.com"),
            ("a.b@example.com", "ab@example.com"),
            ("a+b@example.com", "a@example.com"),
        ] {
            assert_ne!(key_of(one), key_of(other));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a@b@c.de",
            "\"a b\"@c.de",
            "a b@c.de",
            " a@b.co",
            "a@b.co ",
            "a@b.co.",
            "a@.b.co",
            "a@b..co",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.de",
            "a@-b.co",
            "a@[127.0.0.1]",
            "Ada <a@b.co>",
            "<a@b.co>",
            " <a@b.co>",
            "a@b.co,c@d.de",
            "a@b.co\r\nBcc: c@d.de",
            "a\0@b.co",
            "a@b.co\0",
            "a\u{202e}@b.co",
            "a\u{200b}@b.co",
            "👕@b.co",
        ] {
            assert_eq!(code_of(text), "USR_03", "{text:?}");
        }
    }

    #[test]
    fn it_is_too_long_by_characters() {
        let domain = format!("{}.example", "ü".repeat(31));
        let local = |length: usize| "l".repeat(length);
        let longest = format!("{}@{domain}", local(60));
        assert_eq!(longest.chars().count(), MAX_CHARS);
        assert!(Email::parse(&longest).is_ok());
        assert_eq!(code_of(&format!("{}@{domain}", local(61))), "USR_07");
        assert_eq!(code_of(&"a".repeat(1 << 20)), "USR_07");
    }

    #[test]
    fn a_key_fits_its_column() {
        let wide = format!("{}@{}.example", "İ".repeat(32), "İ".repeat(31));
        assert!(key_of(&wide).chars().count() <= 2 * MAX_CHARS);
    }
}
