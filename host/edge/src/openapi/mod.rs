//! Merging of the OpenAPI documents of several plugins into one.
//!
//! Documents are taken in the order of their plugins' names, so the same plugins always make the
//! same document.

mod components;
mod document;
mod info;
mod merge;
mod names;
mod node;

pub use document::Source;
pub use merge::merge;
pub use node::{Fields, Node};

/// Error of merging documents, which names the plugin at fault.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A text is not an OpenAPI document.
    #[error("plugin {plugin}: openapi.yaml is no OpenAPI document: {reason}")]
    Unreadable {
        /// Plugin of the document.
        plugin: String,
        /// Error of the parser.
        reason: String,
    },
    /// A document is of another version of the specification.
    #[error("plugin {plugin}: openapi.yaml is of OpenAPI {version:?}; only 3.1 can be merged")]
    Version {
        /// Plugin of the document.
        plugin: String,
        /// Version that the document names.
        version: String,
    },
    /// A document names a dialect for its schemas that cannot be merged.
    #[error(
        "plugin {plugin}: openapi.yaml has the jsonSchemaDialect {dialect:?}; only the usual one can be merged"
    )]
    Dialect {
        /// Plugin of the document.
        plugin: String,
        /// Dialect that the document names.
        dialect: String,
    },
    /// A reference leads to no component of the document.
    #[error(
        "plugin {plugin}: openapi.yaml refers to {reference:?}, which is not among its components"
    )]
    Reference {
        /// Plugin of the document.
        plugin: String,
        /// Reference as the document has it.
        reference: String,
    },
    /// Two plugins describe the same path.
    #[error("the path {path} is in the openapi.yaml of both {first} and {second}")]
    Path {
        /// Path in both documents.
        path: String,
        /// Plugin of the first document.
        first: String,
        /// Plugin of the second document.
        second: String,
    },
    /// Two operations of one document have the same `operationId`.
    #[error("plugin {plugin}: openapi.yaml has two operations with the operationId {id:?}")]
    Operation {
        /// Plugin of the document.
        plugin: String,
        /// Repeated `operationId`.
        id: String,
    },
}

/// Error of writing a document as YAML or JSON.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be written: {0}")]
pub struct WriteError(String);

impl Node {
    /// Returns the document as YAML.
    ///
    /// # Errors
    /// Returns an error if serialization fails.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        serde_saphyr::to_string(self).map_err(|error| WriteError(error.to_string()))
    }

    /// Returns the document as JSON.
    ///
    /// # Errors
    /// Returns an error if serialization fails.
    pub fn to_json(&self) -> Result<String, WriteError> {
        serde_json::to_string_pretty(self).map_err(|error| WriteError(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
