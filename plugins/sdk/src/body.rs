//! Bodies into fields, whichever way the client wrote them.

mod content_type;
mod fields;
mod form;
mod json;
mod multipart;
mod parse;

use mime::Mime;

use crate::{Failure, Request, Result};

pub use fields::Fields;

const UNSUPPORTED: Failure = Failure::new(
    415,
    "HTTP_415",
    "The body must be a form, a JSON object or multipart form data, in UTF-8.",
);

impl Request {
    /// Reads the fields of the body: a form, a JSON object or multipart text
    /// fields, as its content type says. Without a body there are none.
    ///
    /// # Errors
    /// 415 `HTTP_415` for any other content type, 400 `HTTP_400` for a body
    /// that is not what its content type says, that nests values, or that
    /// names a field twice.
    pub fn fields(&self) -> Result<Fields> {
        let fields = match self.body() {
            [] => Fields::default(),
            body => read(&content_type(self).ok_or(UNSUPPORTED)?, body)?,
        };
        Ok(fields.with_codes(self.codes()))
    }
}

/// Reads a body as its content type says.
fn read(content_type: &Mime, body: &[u8]) -> Result<Fields> {
    match content_type.essence_str() {
        "application/x-www-form-urlencoded" => form::read(body),
        "application/json" => json::read(body),
        "multipart/form-data" => multipart::read(content_type, body),
        _ => Err(UNSUPPORTED),
    }
}

/// The one content type of the request; `None` if it has none, several, or one in another charset than UTF-8
/// that is not JSON.
fn content_type(request: &Request) -> Option<Mime> {
    let types = request.header_values("content-type");
    let [value] = types.as_slice() else {
        return None;
    };
    let content_type = content_type::parse(value)?;
    content_type.is_utf8().then_some(content_type.mime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::DISTINCT;
    use crate::testing::{post, request, with_header};

    fn read(content_type: &str, body: &str) -> Result<Fields> {
        Request::from(post("/", content_type, body)).fields()
    }

    #[track_caller]
    fn assert_status(result: Result<Fields>, status: u16) {
        let failure = result.unwrap_err();
        assert_eq!(failure.status(), status);
        assert_eq!(failure.code(), format!("HTTP_{status}"));
    }

    /// A body, and what is read of its field `email`.
    #[derive(serde::Deserialize)]
    struct Body {
        content_type: Option<String>,
        body: String,
        plugin: Option<String>,
    }

    /// The host's rate limits read fields by themselves, and test themselves
    /// against the same table.
    #[test]
    fn what_the_table_says_is_read() {
        let table = include_str!("body/bodies.json");
        let bodies: Vec<Body> = serde_json::from_str(table).unwrap();
        for body in bodies {
            let given = match &body.content_type {
                Some(content_type) => post("/", content_type, body.body.clone()),
                None => crate::testing::Request {
                    body: body.body.clone().into(),
                    ..request("POST", "/")
                },
            };
            let fields = Request::from(given).fields().unwrap_or_default();
            let found = fields.get("email").map(str::to_owned);
            assert_eq!(found, body.plugin, "{:?} {}", body.content_type, body.body);
        }
    }

    #[test]
    fn the_content_type_says_how_to_read() {
        let multipart = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
        let bodies = [
            ("application/x-www-form-urlencoded", "a=1"),
            ("application/x-www-form-urlencoded; charset=UTF-8", "a=1"),
            ("Application/JSON", r#"{"a": 1}"#),
            ("application/json;charset=\"utf-8\"", r#"{"a": "1"}"#),
            ("application/json ; charset=utf8", r#"{"a": "1"}"#),
            ("application/json", "\u{feff}{\"a\": 1}"),
            ("multipart/form-data; boundary=x", multipart),
        ];
        for (content_type, body) in bodies {
            let fields = read(content_type, body).unwrap();
            assert_eq!(fields.get("a"), Some("1"), "{content_type}");
        }
    }

    #[test]
    fn any_other_content_type_is_unsupported() {
        let types = [
            "text/plain",
            "application/xml",
            "application/jsonp",
            "application/json, text/plain",
            "json",
            "",
            "*/*",
            "multipart/form-data; boundary=x; charset=utf-16",
            "application/x-www-form-urlencoded; charset=latin1",
        ];
        for content_type in types {
            assert_status(read(content_type, "{}"), 415);
        }
    }

    #[test]
    fn a_body_needs_exactly_one_content_type() {
        let bare = crate::testing::Request {
            body: b"a=1".to_vec(),
            ..request("POST", "/")
        };
        assert_status(Request::from(bare).fields(), 415);
        let two = with_header(
            post("/", "application/json", "{}"),
            "content-type",
            "application/json",
        );
        assert_status(Request::from(two).fields(), 415);
    }

    #[test]
    fn fields_are_refused_by_the_codes_of_the_request() {
        for body in ["a=1", ""] {
            let request = Request::from(post("/", "application/x-www-form-urlencoded", body));
            let fields = request.with_codes(&DISTINCT).fields().unwrap();
            assert_eq!(fields.required(&["b"]).unwrap_err().code(), "MISSING");
        }
    }

    #[test]
    fn no_body_has_no_fields() {
        assert!(
            Request::from(request("POST", "/"))
                .fields()
                .unwrap()
                .is_empty()
        );
        assert!(read("application/json", "").unwrap().is_empty());
        assert!(read("image/png", "").unwrap().is_empty());
    }

    #[test]
    fn a_body_of_another_form_than_its_type_says() {
        assert_status(read("application/json", "a=1&b=2"), 400);
        assert_status(read("multipart/form-data; boundary=x", "a=1"), 400);
        // A form is any text: JSON in it is one odd name, and the fields that matter are missing.
        let fields = read("application/x-www-form-urlencoded", r#"{"a": 1}"#).unwrap();
        assert_eq!(fields.get("a"), None);
    }
}
