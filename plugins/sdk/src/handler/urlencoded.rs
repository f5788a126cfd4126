//! `application/x-www-form-urlencoded` text, in a query or a body.
//! Decoding follows the URL standard, except that bytes which are not UTF-8 are refused, not replaced.

use std::borrow::Cow;

/// One `name=value`, decoded.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A pair whose percent-encoding does not make UTF-8. Holds the name as far as it can be read.
#[derive(Debug, PartialEq)]
pub(crate) struct NotUtf8(pub(crate) String);

/// Returns the pairs of the text, in their order. Empty ones (`a=1&&b=2`) are skipped.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = Result<Pair<'_>, NotUtf8>> {
    text.split(|&byte| byte == b'&').filter_map(pair)
}

/// Decodes one `name=value`; `None` if it is empty.
fn pair(text: &[u8]) -> Option<Result<Pair<'_>, NotUtf8>> {
    let pair = form_urlencoded::parse(text).next()?;
    // The decoder above puts U+FFFD in place of bad bytes, which a client may also send in earnest.
    Some(match percent_encoding::percent_decode(text).decode_utf8() {
        Ok(_) => Ok(pair),
        Err(_) => Err(NotUtf8(pair.0.into_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(String, String)>, NotUtf8> {
        pairs(text.as_bytes())
            .map(|pair| pair.map(|(name, value)| (name.into_owned(), value.into_owned())))
            .collect()
    }

    fn one(name: &str, value: &str) -> Result<Vec<(String, String)>, NotUtf8> {
        Ok(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn plus_and_percent_are_decoded() {
        assert_eq!(all("a+b=c%20d%2B"), one("a b", "c d+"));
        assert_eq!(all("na%6De=%F0%9F%91%95"), one("name", "👕"));
    }

    #[test]
    fn odd_shapes_are_taken_as_the_url_standard_says() {
        assert_eq!(all(""), Ok(vec![]));
        assert_eq!(all("&&"), Ok(vec![]));
        assert_eq!(all("a"), one("a", ""));
        assert_eq!(all("a=b=c"), one("a", "b=c"));
        assert_eq!(all("=x"), one("", "x"));
        assert_eq!(all("a=100%"), one("a", "100%"));
        assert_eq!(all("a=%zz"), one("a", "%zz"));
        assert_eq!(all("a=%00"), one("a", "\0"));
    }

    #[test]
    fn a_replacement_character_is_only_refused_when_it_was_not_sent() {
        assert_eq!(all("a=%EF%BF%BD"), one("a", "\u{fffd}"));
        assert_eq!(all("a=%ED%A0%80"), Err(NotUtf8("a".to_owned())));
        assert_eq!(all("a=%ff"), Err(NotUtf8("a".to_owned())));
        assert_eq!(all("%c3=x"), Err(NotUtf8("\u{fffd}".to_owned())));
    }
}
