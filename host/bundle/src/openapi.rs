//! Paths and secret parameters in the OpenAPI documents of plugins.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Bundle;

/// Maximum number of paths in one document. Each may become several series of metrics.
pub const MOST: usize = 500;

/// OpenAPI extension that marks a parameter as secret.
const SECRET: &str = "x-secret";

/// Paths of an OpenAPI document; all else is ignored.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    paths: BTreeMap<String, IgnoredAny>,
}

/// Error of reading the paths of an OpenAPI document.
#[derive(Debug, thiserror::Error)]
pub enum OpenapiError {
    /// The text is not an OpenAPI document.
    #[error("it is no OpenAPI document: {0}")]
    Unreadable(String),
    /// The document has more than [`MOST`] paths; holds their number.
    #[error("it has {0} paths, more than {MOST}")]
    TooMany(usize),
}

impl Bundle {
    /// Returns the [`paths`] of the bundle's document; empty if it has none.
    ///
    /// # Errors
    /// Returns the errors of [`paths`].
    pub fn paths(&self) -> Result<Vec<String>, OpenapiError> {
        self.openapi.as_deref().map_or(Ok(Vec::new()), paths)
    }
}

/// Returns the path templates of an OpenAPI document (YAML or JSON), such as
/// `/products/{product_id}`.
///
/// # Errors
/// Returns an error if the text is not an OpenAPI document, or has more than [`MOST`] paths.
pub fn paths(text: &str) -> Result<Vec<String>, OpenapiError> {
    let document: Document = serde_saphyr::from_str(text)
        .map_err(|error| OpenapiError::Unreadable(error.to_string()))?;
    let paths = document.paths.into_keys();
    // All other keys are extensions of the specification (`x-`).
    let templates: Vec<_> = paths.filter(|path| path.starts_with('/')).collect();
    match templates.len() {
        0..=MOST => Ok(templates),
        many => Err(OpenapiError::TooMany(many)),
    }
}

/// Returns the names of the path parameters that the document marks with `x-secret: true`: knowing
/// the value of such a parameter gives access to what it identifies.
///
/// # Errors
/// Returns an error if the text is not an OpenAPI document.
pub fn secret_parameters(text: &str) -> Result<BTreeSet<String>, OpenapiError> {
    if !text.contains(SECRET) {
        return Ok(BTreeSet::new());
    }
    let document: Value = serde_saphyr::from_str(text)
        .map_err(|error| OpenapiError::Unreadable(error.to_string()))?;
    let mut names = BTreeSet::new();
    // Parameters may be in operations, in paths, and among components.
    let mut unread = vec![&document];
    while let Some(value) = unread.pop() {
        match value {
            Value::Array(values) => unread.extend(values),
            Value::Object(fields) => {
                if fields.get(SECRET) == Some(&Value::Bool(true))
                    && fields.get("in").and_then(Value::as_str) == Some("path")
                    && let Some(name) = fields.get("name").and_then(Value::as_str)
                {
                    names.insert(name.to_owned());
                }
                unread.extend(fields.values());
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_its_paths() {
        let document = "openapi: 3.1.0\npaths:\n  /a/{id}:\n    get: {}\n  x-note: 1\n  /a: {}\n";
        let told = paths(document).expect("a document");
        assert_eq!(told, ["/a", "/a/{id}"]);
        let json = r#"{ "openapi": "3.1.0", "paths": { "/b": {} } }"#;
        assert_eq!(paths(json).expect("a document"), ["/b"]);
        assert!(paths("openapi: 3.1.0").expect("no paths").is_empty());
    }

    #[test]
    fn a_document_tells_which_parameters_are_secret() {
        let document = "paths:\n  /a/{id}/{key}/{own}:\n    parameters:\n\
            \x20     - { name: own, in: path, x-secret: true }\n\
            \x20     - { name: filter, in: query, x-secret: true }\n\
            \x20   get:\n      parameters:\n\
            \x20       - { name: id, in: path }\n\
            components:\n  parameters:\n    key: { name: key, in: path, x-secret: true }\n";
        let secret = secret_parameters(document).expect("a document");
        assert_eq!(secret, BTreeSet::from(["key".to_owned(), "own".to_owned()]));
        assert!(
            secret_parameters("paths: [")
                .expect("not looked at")
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["- 1", "paths: [", "paths: 7", "&a [*a, *a]"] {
            assert!(paths(text).is_err(), "{text:?}");
        }
        let many: String = (0..=MOST)
            .map(|number| format!("  /{number}: {{}}\n"))
            .collect();
        let refused = paths(&format!("paths:\n{many}"));
        assert!(matches!(refused, Err(OpenapiError::TooMany(501))));
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            let before = level - 1;
            text + &format!("a{level}: &a{level} [*a{before}, *a{before}]\n")
        });
        assert!(paths(&bomb).is_err());
    }
}
