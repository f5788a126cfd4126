//! What plugins' OpenAPI documents call the paths that they answer, so that
//! metrics and traces tell `/products/{product_id}` from `/products/search`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::routes::Route;

/// The most paths of one document: each may become some series of metrics.
const MOST: usize = 500;

/// The part of a document that matters here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    paths: BTreeMap<String, IgnoredAny>,
}

/// A document does not tell its paths.
#[derive(Debug, thiserror::Error)]
pub(super) enum TemplatesError {
    #[error("it is no OpenAPI document: {0}")]
    Unreadable(String),
    #[error("it has {0} paths, more than {MOST}")]
    TooMany(usize),
}

/// The templates of the paths in an OpenAPI document (YAML or JSON).
///
/// # Errors
/// When it is none, or has too many of them.
pub(super) fn of_document(text: &str) -> Result<Vec<String>, TemplatesError> {
    let document: Document = serde_saphyr::from_str(text)
        .map_err(|error| TemplatesError::Unreadable(error.to_string()))?;
    let paths = document.paths.into_keys();
    // All others are extensions of the specification (`x-`).
    let templates: Vec<_> = paths.filter(|path| path.starts_with('/')).collect();
    match templates.len() {
        0..=MOST => Ok(templates),
        many => Err(TemplatesError::TooMany(many)),
    }
}

/// Finds the template that fits a path.
#[derive(Default)]
pub(super) struct Templates(matchit::Router<Arc<Route>>);

impl Templates {
    /// Add the template that `route` is named by. Returns whether there is
    /// none of its shape yet, and its parameters are whole segments.
    pub(super) fn add(&mut self, route: Arc<Route>) -> bool {
        shape(&route.path).is_some_and(|shape| self.0.insert(shape, route).is_ok())
    }

    pub(super) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.0.at(path).ok().map(|found| found.value)
    }
}

/// A template whose parameters are called by where they stand: documents may
/// call the same one differently in `/products/{id}` and
/// `/products/{product_id}/reviews`. None where a parameter is less than a
/// segment.
fn shape(template: &str) -> Option<String> {
    let segments = template.split('/').enumerate().map(|(place, segment)| {
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let is_plain = |text: &str| !text.contains(['{', '}']);
        match name {
            Some(name) => is_plain(name).then(|| format!("{{{place}}}")),
            None => is_plain(segment).then(|| segment.to_owned()),
        }
    });
    let segments: Option<Vec<_>> = segments.collect();
    segments.map(|segments| segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::RouteStats;

    #[test]
    fn a_document_tells_its_paths() {
        let document = "openapi: 3.1.0\npaths:\n  /a/{id}:\n    get: {}\n  x-note: 1\n  /a: {}\n";
        let told = of_document(document).expect("a document");
        assert_eq!(told, ["/a", "/a/{id}"]);
        let json = r#"{ "openapi": "3.1.0", "paths": { "/b": {} } }"#;
        assert_eq!(of_document(json).expect("a document"), ["/b"]);
        assert!(of_document("openapi: 3.1.0").expect("no paths").is_empty());
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["- 1", "paths: [", "paths: 7", "&a [*a, *a]"] {
            assert!(of_document(text).is_err(), "{text:?}");
        }
        let many: String = (0..=MOST)
            .map(|number| format!("  /{number}: {{}}\n"))
            .collect();
        let refused = of_document(&format!("paths:\n{many}"));
        assert!(matches!(refused, Err(TemplatesError::TooMany(501))));
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
            let before = level - 1;
            text + &format!("a{level}: &a{level} [*a{before}, *a{before}]\n")
        });
        assert!(of_document(&bomb).is_err());
    }

    #[test]
    fn the_template_that_fits_best_is_found() {
        let mut templates = Templates::default();
        let mut add = |path: &str| {
            let path = path.to_owned();
            let stats = RouteStats::default();
            templates.add(Arc::new(Route { path, stats }))
        };
        assert!(add("/products"));
        assert!(add("/products/{id}"));
        assert!(add("/products/{product_id}/reviews"));
        assert!(add("/products/search"));
        assert!(!add("/products/{again}"), "the same shape");
        assert!(!add("/products/{id}.json"), "a part of a segment");
        assert!(!add("/{*rest}/{x"), "no parameter");
        for (path, template) in [
            ("/products", Some("/products")),
            ("/products/7", Some("/products/{id}")),
            ("/products/search", Some("/products/search")),
            (
                "/products/7/reviews",
                Some("/products/{product_id}/reviews"),
            ),
            ("/products/7/reviews/1", None),
            ("/products/", None),
            ("/other", None),
        ] {
            let found = templates.find(path).map(|route| route.path.as_str());
            assert_eq!(found, template, "{path}");
        }
    }
}
