//! A refusal: what a handler returns instead of a response.
//! The host renders it as the error envelope, or as RFC 9457 problem details.

mod codes;

use std::borrow::Cow;

#[cfg(test)]
pub(crate) use codes::DISTINCT;
pub use codes::{Codes, Wording};

use serde::{Deserialize, Serialize};

use crate::{header, wit};

/// A refused request: an HTTP status, a code for programs and a sentence for people.
///
/// Failures that never change are best written once, as constants:
///
/// ```
/// use edge_sdk::Failure;
///
/// const NO_SUCH_BOOK: Failure = Failure::new(404, "BOK_01", "There is no book with this ID.");
///
/// let failure = NO_SUCH_BOOK.field("book_id");
/// assert_eq!((failure.status(), failure.code()), (404, "BOK_01"));
/// ```
///
/// A failure that is stored, and returned to a later request, is written and read
/// by serde: as the `error` of the envelope, without header fields.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Deserialize, Serialize)]
#[error("{status} {code}: {message}")]
pub struct Failure {
    status: u16,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip)]
    headers: Vec<(String, String)>,
}

impl Failure {
    /// Returns a failure with this HTTP status (400 to 599), code and message.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            message: Cow::Borrowed(message),
            field: None,
            headers: Vec::new(),
        }
    }

    /// Returns the failure of a malformed request: 400 `HTTP_400`, with this message.
    #[must_use]
    pub const fn malformed(message: &'static str) -> Self {
        Self::new(400, "HTTP_400", message)
    }

    /// Returns the failure of fields that are missing or blank: 400 `HTTP_400`, naming them.
    /// A service with codes of its own uses [`Codes::missing`].
    #[must_use]
    pub fn missing(names: &[&str]) -> Self {
        Codes::NEUTRAL.missing(names)
    }

    /// Returns the failure of a text that is too long: 400 `HTTP_400`, naming its field.
    /// A service with codes of its own uses [`Codes::too_long`].
    #[must_use]
    pub fn too_long(field: &str) -> Self {
        Codes::NEUTRAL.too_long(field)
    }

    /// Replaces the message, for one that is put together from parts.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Names the field or parameter of the request that is at fault.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Adds a response header, such as `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(header::field(name, value));
        self
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the code that client programs match on, such as `HTTP_400`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the field or parameter that is at fault, if one was named.
    #[must_use]
    pub fn faulty_field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            status: failure.status,
            code: failure.code.into_owned(),
            message: failure.message.into_owned(),
            field: failure.field,
            headers: failure.headers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_said_reaches_the_host() {
        let failure = Failure::too_long("name").header("Retry-After", "1");
        let wit = wit::Failure::from(failure);
        assert_eq!(wit.status, 400);
        assert_eq!(wit.code, "HTTP_400");
        assert_eq!(wit.message, "The field is too long.");
        assert_eq!(wit.field.as_deref(), Some("name"));
        assert_eq!(wit.headers, [("retry-after".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_stored_failure_is_the_error_of_the_envelope() {
        let failure = Failure::new(409, "BOK_02", "All \"copies\" are lent.");
        let json = r#"{"status":409,"code":"BOK_02","message":"All \"copies\" are lent."}"#;
        assert_eq!(serde_json::to_string(&failure).unwrap(), json);
        assert_eq!(serde_json::from_str(json).ok(), Some(failure.clone()));
        let named = failure.field("book_id");
        let json = serde_json::to_string(&named.clone().header("retry-after", "1")).unwrap();
        assert!(json.ends_with(r#","field":"book_id"}"#), "{json}");
        assert_eq!(serde_json::from_str(&json).ok(), Some(named));
    }

    #[test]
    fn reads_as_one_line() {
        let line = Failure::missing(&["name", "email"]).to_string();
        assert_eq!(line, "400 HTTP_400: A required field is missing.");
    }
}
