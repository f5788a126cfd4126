//! The three ways in which a client may write a body.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A way to write a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Json,
    Form,
    Multipart,
}

const BOUNDARY: &str = "a-boundary-of-the-tests";

impl Encoding {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Json, Self::Form, Self::Multipart];

    /// The content type, and the body that has these fields.
    pub fn encode(self, fields: &Value) -> (String, String) {
        let fields = fields.as_object().expect("an object");
        match self {
            Self::Json => {
                let body = serde_json::to_string(fields).expect("JSON");
                ("application/json".to_owned(), body)
            }
            Self::Form => {
                let pairs = fields.iter().map(|(name, value)| {
                    let text = utf8_percent_encode(&text(value), NON_ALPHANUMERIC).to_string();
                    format!("{name}={text}")
                });
                let body = pairs.collect::<Vec<_>>().join("&");
                ("application/x-www-form-urlencoded".to_owned(), body)
            }
            Self::Multipart => {
                let parts = fields.iter().map(|(name, value)| {
                    let head = format!("content-disposition: form-data; name=\"{name}\"");
                    format!("--{BOUNDARY}\r\n{head}\r\n\r\n{}\r\n", text(value))
                });
                let body = parts.collect::<String>() + &format!("--{BOUNDARY}--\r\n");
                (format!("multipart/form-data; boundary={BOUNDARY}"), body)
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
