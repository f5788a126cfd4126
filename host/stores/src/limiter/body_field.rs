//! Extraction of one field of a body, as the plugins' own library does: from a form, a JSON object
//! or multipart form data.
//!
//! A plugin without that library may read a body whose content type is missing or wrong. So such a
//! body is parsed by its contents, so that no client avoids a limit by another content type.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::{FutureExt, future::ready, stream};
use mime::Mime;
use multer::Multipart;
use serde_json::value::RawValue;
use url::form_urlencoded;

/// U+FEFF in UTF-8, which may be before JSON and forms.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the text of the field `name` of a body with this content type; `None` if there is none,
/// or the body cannot be parsed.
#[must_use]
pub fn body_field(content_type: Option<&str>, body: &Bytes, name: &str) -> Option<String> {
    let content_type = content_type.and_then(parse_content_type);
    let essence = content_type.as_ref().map(Mime::essence_str);
    match (essence, &content_type) {
        (Some("multipart/form-data"), Some(content_type)) => multipart(content_type, body, name),
        (Some("application/x-www-form-urlencoded"), _) => {
            form(body, name).or_else(|| json(body, name))
        }
        _ => json(body, name).or_else(|| form(body, name)),
    }
}

/// Parses a content type. White space around semicolons is ignored (RFC 9110 section 5.6.6), and so
/// is the value of a charset.
fn parse_content_type(value: &str) -> Option<Mime> {
    let plain = value.parse().ok();
    plain.or_else(|| {
        let parts = value.split(';').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty() && !is_charset(part));
        parts.collect::<Vec<_>>().join(";").parse().ok()
    })
}

fn is_charset(parameter: &str) -> bool {
    let name = parameter.split_once('=').map(|(name, _)| name.trim());
    name.is_some_and(|name| name.eq_ignore_ascii_case("charset"))
}

/// Reads a field of a form, without a byte order mark before it and a line end after it.
fn form(body: &[u8], name: &str) -> Option<String> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    form_urlencoded::parse(body)
        .find(|(field, _)| field == name)
        .map(|(_, text)| text.into_owned())
}

/// Reads a field of a JSON object. Numbers are kept as text: one out of range, in any field, would
/// otherwise make the body unreadable here, while the plugin can read it.
fn json(body: &[u8], name: &str) -> Option<String> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let object: HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let json = object.get(name)?.get();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

/// Reads a field of multipart form data. The whole body is in memory, so reading it never waits.
fn multipart(content_type: &Mime, body: &Bytes, name: &str) -> Option<String> {
    let boundary = content_type.get_param(mime::BOUNDARY)?;
    let whole = ready(Ok::<_, std::convert::Infallible>(body.clone()));
    let mut parts = Multipart::new(stream::once(whole), boundary.as_str());
    let reading = async {
        while let Ok(Some(part)) = parts.next_field().await {
            if part.name() == Some(name) {
                return String::from_utf8(part.bytes().await.ok()?.into()).ok();
            }
        }
        None
    };
    reading.now_or_never()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(content_type: &str, body: &'static str) -> Option<String> {
        let body = Bytes::from_static(body.as_bytes());
        body_field(Some(content_type), &body, "email")
    }

    /// A body, and the expected text of its field `email`.
    #[derive(serde::Deserialize)]
    struct Body {
        content_type: Option<String>,
        body: String,
        /// Text that the plugins' own library reads.
        plugin: Option<String>,
        /// Text that limits read, where a plugin with another library may read more.
        #[serde(default)]
        limit: Option<String>,
    }

    /// The table is that of the plugins' library, whose tests use it too.
    #[test]
    fn what_plugins_read_is_what_limits_count() {
        let table = include_str!("../../../../plugins/sdk/src/body/bodies.json");
        let bodies: Vec<Body> = serde_json::from_str(table).expect("the table");
        for body in bodies {
            let text = Bytes::from(body.body.clone());
            let found = body_field(body.content_type.as_deref(), &text, "email");
            let expected = body.plugin.or(body.limit);
            assert_eq!(found, expected, "{:?} {}", body.content_type, body.body);
        }
    }

    #[test]
    fn a_field_is_found_in_each_kind_of_body() {
        let part = "--x\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\na@b\r\n--x--\r\n";
        let bodies = [
            ("application/x-www-form-urlencoded", "x=1&email=a%40b"),
            (
                "Application/JSON; charset=utf-8",
                r#"{"email":"a@b","x":1}"#,
            ),
            (
                "application/json ; charset=utf8;",
                "\u{feff}{\"email\":\"a@b\"}",
            ),
            ("multipart/form-data; boundary=x", part),
        ];
        for (content_type, body) in bodies {
            assert_eq!(email(content_type, body).as_deref(), Some("a@b"));
        }
        for (json, text) in [
            (r#"{"email":7}"#, "7"),
            (r#"{"email":1e309}"#, "1e309"),
            (r#"{"email":"\u0061@b","x":1e309}"#, "a@b"),
            (r#"{"x":[[{"y":-1e999}]],"email":"a@b"}"#, "a@b"),
        ] {
            let found = email("application/json", json);
            assert_eq!(found.as_deref(), Some(text), "{json}");
        }
    }

    #[test]
    fn a_content_type_may_have_any_characters() {
        let value = "application/x-www-form-urlencoded; x=\"\u{fffd}\"";
        assert_eq!(email(value, "email=a%40b").as_deref(), Some("a@b"));
    }

    #[test]
    fn without_the_field_there_is_none() {
        let bodies = [
            ("application/x-www-form-urlencoded", "mail=a"),
            ("application/json", r#"{"email":null}"#),
            ("application/json", r#"["email"]"#),
            ("application/json", "{"),
            ("multipart/form-data; boundary=x", "email=a"),
            ("multipart/form-data", "email=a"),
            ("text/plain", "mail=a"),
        ];
        for (content_type, body) in bodies {
            assert_eq!(email(content_type, body), None, "{content_type} {body}");
        }
    }
}
