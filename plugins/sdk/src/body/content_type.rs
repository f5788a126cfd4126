//! The content type of a body, as clients write it.

use mime::Mime;

/// A content type, and the charsets it names.
#[derive(Debug, PartialEq)]
pub(super) struct ContentType {
    pub(super) mime: Mime,
    charsets: Vec<String>,
}

/// Reads a content type. White space around semicolons (RFC 9110 section
/// 5.6.6) and semicolons without a parameter are ignored, and the value of a
/// charset may be anything.
pub(super) fn parse(value: &str) -> Option<ContentType> {
    plain(value).or_else(|| loose(value))
}

fn plain(value: &str) -> Option<ContentType> {
    let mime: Mime = value.parse().ok()?;
    let charset = mime.get_param(mime::CHARSET);
    let charsets = charset.iter().map(|name| name.as_str().to_owned());
    let charsets = charsets.collect();
    Some(ContentType { mime, charsets })
}

fn loose(value: &str) -> Option<ContentType> {
    let mut charsets = Vec::new();
    let mut others = Vec::new();
    let parts = value.split(';').map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        match charset(part) {
            Some(name) => charsets.push(name.to_owned()),
            None => others.push(part),
        }
    }
    let mime = others.join(";").parse().ok()?;
    Some(ContentType { mime, charsets })
}

/// The value of a parameter that is a charset.
fn charset(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let is_charset = name.trim().eq_ignore_ascii_case("charset");
    is_charset.then_some(value)
}

impl ContentType {
    /// Returns true if the text of such a body is UTF-8. JSON always is, and has no
    /// charset (RFC 8259 section 11).
    pub(super) fn is_utf8(&self) -> bool {
        let is_json = self.mime.essence_str() == "application/json";
        is_json || self.charsets.iter().all(|name| is_name_of_utf8(name))
    }
}

/// Returns true if text in this charset is UTF-8. `utf8` is a common misspelling, and
/// no name is as good as no charset.
fn is_name_of_utf8(name: &str) -> bool {
    let is_around = |sign: char| sign.is_whitespace() || sign == '"' || sign == '\'';
    let name = name.trim_matches(is_around);
    ["", "utf-8", "utf8", "us-ascii", "ascii"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

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
            assert_eq!(
                content_type.mime.essence_str(),
                "application/json",
                "{value}"
            );
            assert!(content_type.is_utf8(), "{value}");
        }
        let boundary = parse("multipart/form-data ; boundary=\"a b\"").unwrap();
        assert_eq!(boundary.mime.get_param(mime::BOUNDARY).unwrap(), "a b");
    }

    #[test]
    fn other_charsets_are_not_utf8() {
        for charset in ["latin1", "utf-16", "utf-8-sig", "utf"] {
            let content_type = parse(&format!("{FORM}; charset={charset}")).unwrap();
            assert!(!content_type.is_utf8(), "{charset}");
        }
    }

    #[test]
    fn a_form_may_spell_its_charset_in_other_ways() {
        for charset in [
            "",
            "\"\"",
            "'utf-8'",
            "\"UTF-8\"",
            "US-ASCII",
            "ascii",
            " utf-8",
        ] {
            let content_type = parse(&format!("{FORM}; charset={charset}")).unwrap();
            assert_eq!(content_type.mime.essence_str(), FORM, "{charset}");
            assert!(content_type.is_utf8(), "{charset}");
        }
    }

    #[test]
    fn json_has_no_charset() {
        for charset in [
            "ascii",
            "'utf-8'",
            "",
            "utf-8,",
            "ISO-8859-1",
            "utf-16",
            "\"",
            " x y",
        ] {
            let content_type = parse(&format!("application/json; charset={charset}")).unwrap();
            let essence = content_type.mime.essence_str();
            assert_eq!(essence, "application/json", "{charset}");
            assert!(content_type.is_utf8(), "{charset}");
        }
    }

    #[test]
    fn what_is_no_content_type_is_none() {
        for value in ["", ";", "json", "application / json", "a/b, c/d", "a/b; c"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
