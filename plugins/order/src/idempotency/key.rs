//! The identity of a request: the key, and a fingerprint of the body.

use data_encoding::HEXLOWER;
use edge_sdk::{Failure, Fields, Request, Result};
use sha2::{Digest, Sha256};

const HEADER: &str = "idempotency-key";

/// Longest key, in characters.
const MAX_CHARS: usize = 255;

const BAD_KEY: Failure =
    Failure::malformed("The Idempotency-Key is not 1 to 255 printable ASCII characters.");

/// A key as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Reads a key, with or without the quotation marks of a structured field.
    fn parse(value: &str) -> Option<Self> {
        let key = match value.strip_prefix('"') {
            Some(rest) => unquoted(rest.strip_suffix('"')?)?,
            None => value.to_owned(),
        };
        let is_printable = key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        ((1..=MAX_CHARS).contains(&key.len()) && is_printable).then_some(Self(key))
    }

    /// Stands for the key in the database.
    pub(super) fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.0))
    }
}

/// Returns a structured field's string without its escapes; a mark inside is
/// escaped.
fn unquoted(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => characters
                .next()
                .filter(|next| matches!(next, '"' | '\\'))?,
            '"' => return None,
            other => other,
        });
    }
    Some(plain)
}

/// Returns the key of a request, if it has one.
///
/// # Errors
/// 400 `HTTP_400` for a malformed one, and for several.
pub fn key(request: &Request) -> Result<Option<Key>> {
    match request.header_values(HEADER).as_slice() {
        [] => Ok(None),
        [value] => Key::parse(value)
            .map(Some)
            .ok_or_else(|| BAD_KEY.field("Idempotency-Key")),
        _ => Err(BAD_KEY.field("Idempotency-Key")),
    }
}

/// Stands for the fields of a body, however they were written.
pub(super) fn fingerprint(fields: &Fields) -> String {
    let mut digest = Sha256::new();
    for text in fields.iter().flat_map(|(name, text)| [name, text]) {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    }
    HEXLOWER.encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use edge_sdk::testing;

    use super::*;

    fn fields(content_type: &str, body: &str) -> Fields {
        let request = testing::post("/orders", content_type, body);
        Request::from(request).fields().unwrap()
    }

    #[test]
    fn keys_come_bare_or_quoted() {
        let key = |text: &str| Some(Key(text.to_owned()));
        assert_eq!(Key::parse("abc"), key("abc"));
        assert_eq!(Key::parse("\"abc\""), key("abc"));
        assert_eq!(Key::parse("\"a \\\"b\\\\\""), key("a \"b\\"));
        assert_eq!(Key::parse("a\"b"), key("a\"b"));
        assert!(Key::parse(&"x".repeat(255)).is_some());
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "x".repeat(256);
        let bad = [
            "", "\"", "\"\"", "\"a", "\"a\"b\"", "\"a\\x\"", "\"a\\\"", "é", "a\tb", "a\u{7f}",
            &long,
        ];
        for value in bad {
            assert_eq!(Key::parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_request_has_one_key_at_most() {
        let request = testing::request("POST", "/orders");
        assert_eq!(key(&request.clone().into()), Ok(None));
        let one = testing::with_header(request, "Idempotency-Key", "a");
        assert_eq!(key(&one.clone().into()), Ok(Key::parse("a")));
        let two = testing::with_header(one, "Idempotency-Key", "a");
        assert_eq!(
            key(&two.into()).map_err(|failure| failure.status()),
            Err(400)
        );
    }

    #[test]
    fn keys_differ_by_case() {
        let hash = |text| Key::parse(text).unwrap().hash();
        assert_ne!(hash("a"), hash("A"));
        assert_ne!(hash("a"), hash("a "));
        assert_eq!(hash("a"), hash("\"a\""));
        assert_eq!(hash("a").len(), 64);
    }

    #[test]
    fn a_fingerprint_is_of_what_the_body_says() {
        let json = fields("application/json", r#"{"tax_id": 1, "cart_id": "ab"}"#);
        let form = fields("application/x-www-form-urlencoded", "cart_id=ab&tax_id=1");
        assert_eq!(fingerprint(&json), fingerprint(&form));
        for other in [
            "cart_id=a&tax_id=1",
            "cart_id=ab&tax_id=2",
            "cart_id=ab",
            "cart_i=dab&tax_id=1",
        ] {
            let other = fields("application/x-www-form-urlencoded", other);
            assert_ne!(fingerprint(&json), fingerprint(&other));
        }
    }
}
