//! Bodies of type `application/x-www-form-urlencoded`.

use super::Fields;
use crate::{Failure, Result, handler::urlencoded};

const MALFORMED: Failure = Failure::malformed("The form is not UTF-8.");

/// U+FEFF in UTF-8, which some clients on Windows write before any text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a form.
pub(super) fn read(body: &[u8]) -> Result<Fields> {
    let mut fields = Fields::default();
    for pair in urlencoded::pairs(pairs_of(body)) {
        let (name, text) = pair.map_err(|error| MALFORMED.field(error.0))?;
        fields.add(name.into_owned(), text.into_owned())?;
    }
    Ok(fields)
}

/// The body without a byte order mark before it and a line end after it: no
/// value ends in one, since line ends in values are percent-encoded.
fn pairs_of(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.strip_suffix(b"\r").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let fields = read(b"name=Ann+Lee&email=a%2Bb%40c.de&empty=").unwrap();
        assert_eq!(fields.get("name"), Some("Ann Lee"));
        assert_eq!(fields.get("email"), Some("a+b@c.de"));
        assert_eq!(fields.get("empty"), Some(""));
    }

    #[test]
    fn what_editors_put_around_a_form_is_no_part_of_it() {
        for body in [
            "a=1&b=2\r\n",
            "a=1&b=2\n",
            "a=1&b=2\r",
            "\u{feff}a=1&b=2",
            "\u{feff}a=1&b=2&\r\n",
        ] {
            let fields = read(body.as_bytes()).unwrap();
            let found: Vec<_> = fields.iter().collect();
            assert_eq!(found, [("a", "1"), ("b", "2")], "{body:?}");
        }
        assert!(read("\u{feff}\r\n".as_bytes()).unwrap().is_empty());
        let encoded = read(b"a=1%0D%0A\r\n").unwrap();
        assert_eq!(encoded.get("a"), Some("1\r\n"));
    }

    #[test]
    fn what_is_not_utf8_or_ambiguous_is_refused() {
        for body in [
            &b"a=%ff"[..],
            b"a=\xff",
            b"\xff=1",
            b"a=1&a=1",
            b"a=1&%61=2",
        ] {
            let failure = read(body).unwrap_err();
            assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        }
    }
}
