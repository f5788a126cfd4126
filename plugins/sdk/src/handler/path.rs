//! The parameters that a route took from the path.

use percent_encoding::percent_decode_str;

use crate::{Failure, Result};

const MALFORMED: Failure = Failure::malformed("The path is malformed.");

/// Decoded path parameters, by name; `None` for one that is not encoded well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Decodes what the router matched.
    pub(crate) fn decode<'a>(matched: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self(
            matched
                .map(|(name, value)| (name.to_owned(), decode(value)))
                .collect(),
        )
    }

    /// The parameter of this name; empty if the route has none.
    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, Some(value))) => Ok(value),
            Some((_, None)) => Err(MALFORMED.field(name)),
            None => Ok(""),
        }
    }
}

/// Undoes percent-encoding; `None` if a `%` stands without its two digits or the bytes are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    is_encoded(text).then(|| decoded.into_owned())
}

/// Returns true if two hexadecimal digits follow every `%`.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_encoded_well() {
        assert_eq!(decode("a%20b%2Fc+d").as_deref(), Some("a b/c+d"));
        assert_eq!(decode("%E2%82%AC").as_deref(), Some("€"));
        assert_eq!(decode("%00").as_deref(), Some("\0"));
        assert_eq!(decode("%2525").as_deref(), Some("%25"));
        assert_eq!(decode("").as_deref(), Some(""));
    }

    #[test]
    fn refuses_what_is_not() {
        for text in ["%", "%1", "%zz", "a%", "%ff", "%c3", "%ED%A0%80", "%%30"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        let params = Params::decode([("id", "7"), ("name", "%ff")].into_iter());
        assert_eq!(params.get("id"), Ok("7"));
        let failure = params.get("name").unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        assert_eq!(failure.faulty_field(), Some("name"));
    }
}
