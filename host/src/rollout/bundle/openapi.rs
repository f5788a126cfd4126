//! What OpenAPI documents tell of the paths that plugins answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Bundle;

/// The most paths of one document: each may become some series of metrics.
pub const MOST: usize = 500;

/// The part of a document that matters here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    paths: BTreeMap<String, IgnoredAny>,
}

/// A document does not tell its paths.
#[derive(Debug, thiserror::Error)]
pub enum OpenapiError {
    /// It is something else.
    #[error("it is no OpenAPI document: {0}")]
    Unreadable(String),
    /// It has more than can be told apart.
    #[error("it has {0} paths, more than {MOST}")]
    TooMany(usize),
}

impl Bundle {
    /// The [`paths`] of the bundle's document; none without one.
    ///
    /// # Errors
    /// As [`paths`].
    pub fn paths(&self) -> Result<Vec<String>, OpenapiError> {
        self.openapi.as_deref().map_or(Ok(Vec::new()), paths)
    }
}

/// The templates of the paths in an OpenAPI document (YAML or JSON), such as
/// `/products/{product_id}`.
///
/// # Errors
/// When it is none, or has more than [`MOST`].
pub fn paths(text: &str) -> Result<Vec<String>, OpenapiError> {
    let document: Document = serde_saphyr::from_str(text)
        .map_err(|error| OpenapiError::Unreadable(error.to_string()))?;
    let paths = document.paths.into_keys();
    // All others are extensions of the specification (`x-`).
    let templates: Vec<_> = paths.filter(|path| path.starts_with('/')).collect();
    match templates.len() {
        0..=MOST => Ok(templates),
        many => Err(OpenapiError::TooMany(many)),
    }
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
