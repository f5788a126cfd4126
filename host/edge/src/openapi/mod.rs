//! One OpenAPI document made of those of several plugins.
//!
//! Documents are taken in the order of their plugins' names, so the same
//! plugins always make the same document.

mod components;
mod document;
mod info;
mod merge;
mod names;
mod node;

pub use document::Source;
pub use merge::merge;
pub use node::{Fields, Node};

/// Why documents cannot become one. Each names the plugin at fault.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A text is no OpenAPI document.
    #[error("plugin {plugin}: openapi.yaml is no OpenAPI document: {reason}")]
    Unreadable {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        reason: String,
    },
    /// A document is of another version of the specification.
    #[error("plugin {plugin}: openapi.yaml is of OpenAPI {version:?}; only 3.1 can be merged")]
    Version {
        /// The plugin.
        plugin: String,
        /// The version.
        version: String,
    },
    /// A document's schemas are of another dialect than other documents'.
    #[error(
        "plugin {plugin}: openapi.yaml has the jsonSchemaDialect {dialect:?}; only the usual one can be merged"
    )]
    Dialect {
        /// The plugin.
        plugin: String,
        /// The dialect.
        dialect: String,
    },
    /// A reference leads nowhere, or out of the document.
    #[error(
        "plugin {plugin}: openapi.yaml refers to {reference:?}, which is not among its components"
    )]
    Reference {
        /// The plugin.
        plugin: String,
        /// The reference.
        reference: String,
    },
    /// Two plugins describe the same path.
    #[error("the path {path} is in the openapi.yaml of both {first} and {second}")]
    Path {
        /// The path.
        path: String,
        /// A plugin that describes it.
        first: String,
        /// Another.
        second: String,
    },
    /// Two operations of one document have the same name.
    #[error("plugin {plugin}: openapi.yaml has two operations with the operationId {id:?}")]
    Operation {
        /// The plugin.
        plugin: String,
        /// The name.
        id: String,
    },
}

/// No document can be written in this form.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be written: {0}")]
pub struct WriteError(String);

impl Node {
    /// Returns the document as YAML.
    ///
    /// # Errors
    /// When it cannot be written so.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        serde_saphyr::to_string(self).map_err(|error| WriteError(error.to_string()))
    }

    /// Returns the document as JSON.
    ///
    /// # Errors
    /// When it cannot be written so.
    pub fn to_json(&self) -> Result<String, WriteError> {
        serde_json::to_string_pretty(self).map_err(|error| WriteError(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
