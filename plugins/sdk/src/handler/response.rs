//! A whole response, as a handler returns it.
//! The host adds the headers that are its own: `content-length`, `date` and the like.

use serde::Serialize;

use crate::{Failure, Result, header, wit};

/// The content type of every JSON body.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

const UNWRITABLE: Failure = Failure::new(500, "HTTP_500", "The answer could not be written.");

/// One response: status, headers and the whole body.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// Returns a response with this status, `content-type` and body.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::bare(status, body.into()).header("content-type", content_type)
    }

    /// Returns a 200 whose body is the value as JSON.
    ///
    /// # Errors
    /// 500 `HTTP_500` if the value has no JSON form, such as a map whose keys
    /// are not text.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        match serde_json::to_vec(value) {
            Ok(body) => Ok(Self::new(200, JSON, body)),
            Err(error) => {
                eprintln!("a response could not be written as JSON: {error}");
                Err(UNWRITABLE)
            }
        }
    }

    /// Returns a 200 with the value as JSON that no cache may store (`cache-control: no-store`),
    /// for data of one client.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn json_no_store(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(Self::json(value)?.no_store())
    }

    /// Former name of [`json_no_store`](Self::json_no_store).
    ///
    /// # Errors
    /// As [`json`](Self::json).
    #[deprecated(note = "renamed to `json_no_store`")]
    pub fn private(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Self::json_no_store(value)
    }

    /// Adds `cache-control: no-store`.
    #[must_use]
    pub fn no_store(self) -> Self {
        self.header("cache-control", "no-store")
    }

    /// Returns a 200 whose body is the empty JSON object, `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::new(200, JSON, "{}")
    }

    /// Former name of [`empty_object`](Self::empty_object).
    #[deprecated(note = "renamed to `empty_object`")]
    #[must_use]
    pub fn empty() -> Self {
        Self::empty_object()
    }

    /// Returns a response without any header.
    pub(crate) fn bare(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// Adds a header. One of the same name stays, as HTTP allows.
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

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl From<Response> for wit::Response {
    fn from(response: Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn json_says_its_charset() {
        let response = wit::Response::from(Response::json(&[1, 2]).unwrap());
        assert_eq!(response.status, 200);
        assert_eq!(response.body, b"[1,2]");
        let expected = ("content-type".to_owned(), JSON.to_owned());
        assert_eq!(response.headers, [expected]);
    }

    #[test]
    fn no_data_is_an_empty_object() {
        assert_eq!(Response::empty_object().body(), b"{}");
        assert_eq!(Response::empty_object().status(), 200);
    }

    #[test]
    fn header_names_cross_in_lower_case() {
        let response = Response::empty_object().header("Cache-Control", "no-store");
        let headers = wit::Response::from(response).headers;
        assert!(headers.contains(&("cache-control".to_owned(), "no-store".to_owned())));
    }

    #[test]
    fn what_has_no_json_form_is_a_500() {
        let failure = Response::json(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
        assert_eq!((failure.status(), failure.code()), (500, "HTTP_500"));
    }
}
