//! Values of YAML and JSON documents, whose fields keep their order.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// Fields of an object in the order of the text. Two objects are equal if they have equal fields in
/// any order.
pub type Fields = IndexMap<String, Node>;

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// The value `null`.
    Null,
    /// The value `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Object(Fields),
}

impl Node {
    /// Returns the text, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
