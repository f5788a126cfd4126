//! Bodies of type `application/json`: one flat object.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Fields, fields::named_twice};
use crate::{Failure, Result};

const MALFORMED: Failure = Failure::malformed("The body is not a JSON object.");
const NESTED: Failure =
    Failure::malformed("The field must be text, a number, true, false or null.");

/// Reads a JSON object whose values are plain.
pub(super) fn read(body: &[u8]) -> Result<Fields> {
    let members = members(body)?;
    let mut names = BTreeSet::new();
    let mut fields = Fields::default();
    for (name, value) in &members {
        if !names.insert(name) {
            return Err(named_twice(name));
        }
        if let Some(text) = text_of(value).map_err(|failure| failure.field(name))? {
            fields.add(name.clone(), text)?;
        }
    }
    Ok(fields)
}

/// The members of the object, with their values as they stand in the body.
fn members(body: &[u8]) -> Result<Vec<(String, &RawValue)>> {
    let text = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
    // A reader may ignore a byte order mark (RFC 8259 section 8.1), and some
    // clients on Windows write one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).map_err(|_| MALFORMED)?;
    reader.end().map_err(|_| MALFORMED)?;
    Ok(members)
}

/// A plain value as text; `None` for null.
fn text_of(value: &RawValue) -> Result<Option<String>> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map(Some).map_err(|_| MALFORMED),
        Some(b'{' | b'[') => Err(NESTED),
        Some(b'n') => Ok(None),
        _ => Ok(Some(json.to_owned())),
    }
}

/// Collects an object's members, in their order and with repeated names.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(body: &[u8]) -> Failure {
        let failure = read(body).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (400, "HTTP_400"));
        failure
    }

    #[test]
    fn plain_values_become_their_text() {
        let body = br#" {"text": "a\"\u00fc\ud83d\udc55", "yes": true, "no": false, "none": null,
            "int": -7, "price": 14.90, "big": 18446744073709551616, "huge": 1e309, "empty": ""} "#;
        let fields = read(body).unwrap();
        assert_eq!(fields.get("text"), Some("a\"ü👕"));
        assert_eq!(fields.get("yes"), Some("true"));
        assert_eq!(fields.get("no"), Some("false"));
        assert_eq!(fields.get("none"), None);
        assert_eq!(fields.get("int"), Some("-7"));
        assert_eq!(fields.get("empty"), Some(""));
        // Numbers keep every digit: a price never passes through a float.
        assert_eq!(fields.get("price"), Some("14.90"));
        assert_eq!(fields.get("big"), Some("18446744073709551616"));
        assert_eq!(fields.get("huge"), Some("1e309"));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        let bodies = [
            "[]",
            "1",
            "null",
            "\"a\"",
            "{",
            "{}}",
            "{} {}",
            "{\"a\": 1,}",
            "{'a': 1}",
            "{a: 1}",
            "{\"a\": 01}",
            "{\"a\": +1}",
            "{\"a\": .5}",
            "{\"a\": NaN}",
            "{\"a\": 0x10}",
            "{\"a\": 1_000}",
            "{\"a\"}",
            "{\"a\": \"\n\"}",
            "{\"a\": \"\\x\"}",
            "\u{feff}\u{feff}{}",
            " \u{feff}{}",
            " ",
            "{\"a\": 1} // x",
        ];
        for body in bodies {
            assert_refused(body.as_bytes());
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        assert_refused(b"{\"a\": \"\xff\"}");
        assert_refused(b"\xff\xfe{\x00}\x00");
        assert_refused(br#"{"a": "\ud800"}"#);
        assert_refused(br#"{"\ud800": 1}"#);
    }

    #[test]
    fn nested_values_are_refused_by_name() {
        for body in [r#"{"a": []}"#, r#"{"a": {}}"#, r#"{"b": 1, "a": [1]}"#] {
            assert_eq!(assert_refused(body.as_bytes()).faulty_field(), Some("a"));
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let deep = 100_000;
        assert_refused(format!("{}{}", "[".repeat(deep), "]".repeat(deep)).as_bytes());
        assert_refused(format!("{{\"a\": {}{}}}", "[".repeat(deep), "]".repeat(deep)).as_bytes());
        assert_refused(r#"{"a":"#.repeat(deep).as_bytes());
    }

    #[test]
    fn a_name_may_stand_only_once() {
        let bodies = [
            r#"{"a": 1, "a": 2}"#,
            r#"{"a": 1, "\u0061": 1}"#,
            r#"{"a": null, "a": 1}"#,
            r#"{"a": 1, "a": null}"#,
        ];
        for body in bodies {
            assert_eq!(assert_refused(body.as_bytes()).faulty_field(), Some("a"));
        }
    }
}
