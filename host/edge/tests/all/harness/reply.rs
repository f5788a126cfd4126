//! A reply as a client got it, and what every refusal of the host must be.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The header field `name`, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("not UTF-8: {self:?}"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Check the status.
    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// Check that this is the host's own refusal with `status`: the envelope,
    /// under the id that the header names.
    #[track_caller]
    pub fn assert_refusal(&self, status: u16) {
        self.assert_status(status);
        let id = self.header("edge-request-id").unwrap_or_default();
        assert_eq!(id.len(), 16, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/json; charset=utf-8"),
            "{self:?}"
        );
        let envelope = self.json();
        let error = &envelope["error"];
        assert_eq!(error["status"], status, "{self:?}");
        assert_eq!(error["code"], format!("HTTP_{status}"), "{self:?}");
        assert_eq!(error["request_id"], id, "{self:?}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| message.ends_with('.')),
            "{self:?}"
        );
        assert!(error.get("field").is_none(), "{self:?}");
    }

    /// Check that the server said it would close the connection.
    #[track_caller]
    pub fn assert_closes(&self) {
        assert_eq!(self.header("connection"), Some("close"), "{self:?}");
    }
}
