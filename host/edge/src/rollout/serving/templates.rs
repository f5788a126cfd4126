//! Matching of paths with the templates of OpenAPI documents. Metrics and
//! traces tell `/products/{product_id}` from `/products/search` by them, and
//! literal segments match in any ASCII case.

use std::borrow::Cow;
use std::collections::HashMap;

/// Path templates with a value each. The ASCII case of literal segments and one
/// final slash are ignored. Where two templates differ in case alone, the one
/// that is spelled like the path wins.
pub(super) struct Templates<T> {
    /// Router from the folded shape to the index in `groups`.
    router: matchit::Router<usize>,
    places: HashMap<String, usize>,
    /// Templates grouped by folded shape.
    groups: Vec<Vec<Template<T>>>,
}

struct Template<T> {
    segments: Vec<Segment>,
    value: T,
}

/// Path segment of a template: a literal or a parameter.
#[derive(PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter,
}

/// Template that matches a path.
pub(super) struct Found<'t, 'p, T> {
    /// Value that was added with the template.
    pub(in crate::rollout) value: &'t T,
    /// Path with its literal segments spelled as in the template, and without a
    /// final slash that the template does not have.
    pub(in crate::rollout) path: Cow<'p, str>,
}

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self {
            router: matchit::Router::new(),
            places: HashMap::new(),
            groups: Vec::new(),
        }
    }
}

impl<T> Templates<T> {
    /// Adds a template, unless one of its shape exists, or a parameter of it is
    /// only a part of a segment. Returns whether it was added.
    pub(in crate::rollout) fn add(&mut self, template: &str, value: T) -> bool {
        let Some(segments) = template.split('/').map(Segment::parse).collect() else {
            return false;
        };
        let template = Template { segments, value };
        let shape = folded_shape(&template.segments);
        let place = self.places.get(&shape).copied();
        if let Some(group) = place.and_then(|place| self.groups.get_mut(place)) {
            let is_new = group
                .iter()
                .all(|known| known.segments != template.segments);
            if is_new {
                group.push(template);
            }
            return is_new;
        }
        let place = self.groups.len();
        let is_new = self.router.insert(&shape, place).is_ok();
        if is_new {
            self.places.insert(shape, place);
            self.groups.push(vec![template]);
        }
        is_new
    }

    /// Returns the template that matches `path` best: literals win over
    /// parameters, and a final slash of the template wins over one that is
    /// ignored.
    pub(in crate::rollout) fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p, T>> {
        self.find_spelled(path).or_else(|| {
            let shorter = path.strip_suffix('/').filter(|path| !path.is_empty())?;
            self.find_spelled(shorter)
        })
    }

    fn find_spelled<'p>(&self, path: &'p str) -> Option<Found<'_, 'p, T>> {
        let place = *self.router.at(&folded(path)).ok()?.value;
        let group = self.groups.get(place)?;
        if let Some(template) = group.iter().find(|template| template.spells(path)) {
            return Some(Found {
                value: &template.value,
                path: Cow::Borrowed(path),
            });
        }
        let template = group.first()?;
        Some(Found {
            value: &template.value,
            path: Cow::Owned(template.respell(path)),
        })
    }
}

/// Returns the folded template for the router, which several templates may
/// share. Parameters are named by their position, because documents may name
/// the same parameter differently in `/products/{id}` and
/// `/products/{product_id}/reviews`. `None` if a parameter is only a part of a
/// segment.
pub(super) fn shape(template: &str) -> Option<String> {
    let segments = template.split('/').map(Segment::parse);
    Some(folded_shape(&segments.collect::<Option<Vec<_>>>()?))
}

fn folded_shape(segments: &[Segment]) -> String {
    let segments = segments.iter().enumerate();
    let segments = segments.map(|(place, segment)| match segment {
        Segment::Literal(text) => text.to_ascii_lowercase(),
        Segment::Parameter => format!("{{{place}}}"),
    });
    segments.collect::<Vec<_>>().join("/")
}

impl<T> Template<T> {
    /// Returns whether `path`, which matches without regard to case, matches
    /// exactly.
    fn spells(&self, path: &str) -> bool {
        let mut pairs = self.segments.iter().zip(path.split('/'));
        pairs.all(|(segment, part)| match segment {
            Segment::Literal(text) => text == part,
            Segment::Parameter => true,
        })
    }

    /// Returns `path` with its literal segments spelled as in this template.
    fn respell(&self, path: &str) -> String {
        let pairs = self.segments.iter().zip(path.split('/'));
        let parts = pairs.map(|(segment, part)| match segment {
            Segment::Literal(text) => text,
            Segment::Parameter => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

impl Segment {
    /// Parses a segment. `None` if a parameter is only a part of it.
    fn parse(segment: &str) -> Option<Self> {
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let is_plain = |text: &str| !text.contains(['{', '}']);
        match name {
            Some(name) => is_plain(name).then_some(Self::Parameter),
            None => is_plain(segment).then(|| Self::Literal(segment.to_owned())),
        }
    }
}

/// Returns `path` in ASCII lower case, borrowed if it is in lower case already.
fn folded(path: &str) -> Cow<'_, str> {
    match path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(path.to_ascii_lowercase()),
        false => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(all: &[&'static str]) -> Templates<&'static str> {
        let mut templates = Templates::default();
        for template in all {
            assert!(templates.add(template, *template), "{template}");
        }
        templates
    }

    #[test]
    fn the_template_that_fits_best_is_found() {
        let mut templates = templates(&[
            "/products",
            "/products/{id}",
            "/products/{product_id}/reviews",
            "/products/search",
        ]);
        let mut add = |template: &'static str| templates.add(template, template);
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
            ("/products//", None),
            ("//products", None),
            ("/", None),
            ("", None),
            ("/other", None),
        ] {
            let found = templates.find(path).map(|found| *found.value);
            assert_eq!(found, template, "{path}");
        }
    }

    #[test]
    fn case_of_literals_and_a_final_slash_are_ignored_and_values_kept() {
        let templates = templates(&[
            "/products/{id}",
            "/products/search",
            "/products/inDepartment/{department_id}",
            "/shoppingcart/{cart_id}",
            "/shoppingcart/add",
        ]);
        for (path, canonical) in [
            ("/products/7", "/products/7"),
            ("/Products/7/", "/products/7"),
            ("/products/Search", "/products/search"),
            ("/products/indepartment/2/", "/products/inDepartment/2"),
            ("/PRODUCTS/INDEPARTMENT/Ab", "/products/inDepartment/Ab"),
            ("/shoppingCart/ADD/", "/shoppingcart/add"),
            ("/shoppingCart/aBcD%2F/", "/shoppingcart/aBcD%2F"),
        ] {
            let found = templates.find(path).map(|found| found.path);
            assert_eq!(found.as_deref(), Some(canonical), "{path}");
        }
        assert!(templates.find("/products/7//").is_none(), "two slashes");
    }

    #[test]
    fn an_exact_spelling_wins() {
        let templates = templates(&["/a/Big", "/a/big", "/b/{x}/", "/b/{x}"]);
        let find = |path| templates.find(path).map(|found| *found.value);
        assert_eq!(find("/a/big"), Some("/a/big"));
        assert_eq!(find("/a/Big"), Some("/a/Big"));
        assert_eq!(find("/a/BIG"), Some("/a/Big"));
        assert_eq!(find("/b/1/"), Some("/b/{x}/"));
        assert_eq!(find("/b/1"), Some("/b/{x}"));
    }
}
