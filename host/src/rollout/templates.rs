//! What plugins' OpenAPI documents call the paths that they answer, so that
//! metrics and traces tell `/products/{product_id}` from `/products/search`.

use std::sync::Arc;

use super::routes::Route;

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
