//! Bodies of type `application/x-www-form-urlencoded`.

use super::Fields;
use crate::{Failure, Result, urlencoded};

const MALFORMED: Failure = Failure::malformed("The form is not UTF-8.");

/// Reads a form.
pub(super) fn read(body: &[u8]) -> Result<Fields> {
    let mut fields = Fields::default();
    for pair in urlencoded::pairs(body) {
        let (name, text) = pair.map_err(|error| MALFORMED.field(error.0))?;
        fields.add(name.into_owned(), text.into_owned())?;
    }
    Ok(fields)
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
