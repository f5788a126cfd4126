//! Templates of paths, as plugins' OpenAPI documents have them, so that metrics
//! and traces tell `/products/{product_id}` from `/products/search`.

/// Finds what belongs to the template that fits a path.
pub(super) struct Templates<T>(matchit::Router<T>);

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self(matchit::Router::new())
    }
}

impl<T> Templates<T> {
    /// Add a template, unless there is one of its shape, or a parameter of it
    /// is less than a segment. Returns whether it was added.
    pub(super) fn add(&mut self, template: &str, value: T) -> bool {
        shape(template).is_some_and(|shape| self.0.insert(shape, value).is_ok())
    }

    pub(super) fn find(&self, path: &str) -> Option<&T> {
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

    #[test]
    fn the_template_that_fits_best_is_found() {
        let mut templates = Templates::default();
        let mut add = |template: &'static str| templates.add(template, template);
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
            assert_eq!(templates.find(path).copied(), template, "{path}");
        }
    }
}
