//! The content type of a body, as clients write it.

use mime::Mime;

/// Reads a content type. White space around semicolons (RFC 9110 section
/// 5.6.6) and semicolons without a parameter are ignored.
pub(super) fn parse(value: &str) -> Option<Mime> {
    let plain = value.parse().ok();
    plain.or_else(|| {
        let parts = value.split(';').map(str::trim);
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        parts.join(";").parse().ok()
    })
}

/// Whether the text of such a body is UTF-8. `utf8` is a common misspelling.
pub(super) fn is_utf8(content_type: &Mime) -> bool {
    let charset = content_type.get_param(mime::CHARSET);
    charset.is_none_or(|charset| {
        ["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|name| charset.as_str().eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_semicolons_is_ignored() {
        for value in [
            "application/json;charset=utf-8",
            "application/json ; charset=utf-8",
            "application/json\t;\tcharset=UTF8 ;",
            "application/json; charset=\"utf-8\"",
            "application/json;",
            " application/json ",
            "application/json;; charset=utf-8",
        ] {
            let content_type = parse(value).unwrap();
            assert_eq!(content_type.essence_str(), "application/json", "{value}");
            assert!(is_utf8(&content_type), "{value}");
        }
        let boundary = parse("multipart/form-data ; boundary=\"a b\"").unwrap();
        assert_eq!(boundary.get_param(mime::BOUNDARY).unwrap(), "a b");
    }

    #[test]
    fn other_charsets_are_not_utf8() {
        for charset in ["latin1", "utf-16", "utf-8-sig", "utf"] {
            let content_type = parse(&format!("application/json; charset={charset}")).unwrap();
            assert!(!is_utf8(&content_type), "{charset}");
        }
    }

    #[test]
    fn what_is_no_content_type_is_none() {
        for value in ["", ";", "json", "application / json", "a/b, c/d"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
