//! Path segments to keep out of logs: those that any release which may answer
//! the path marks as secret, whatever name each release has for the parameter.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::templates::shape;

/// Indexes of secret path segments, by the shape of their templates.
pub(super) struct SecretPlaces(HashMap<String, BTreeSet<usize>>);

impl SecretPlaces {
    /// Returns the indexes collected from releases. Each item has the path
    /// templates of a release and the names of its secret parameters.
    pub(in crate::rollout) fn new<'r>(
        releases: impl Iterator<Item = (&'r [String], &'r BTreeSet<String>)>,
    ) -> Self {
        let mut places: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for (templates, secret) in releases {
            for template in templates {
                let Some(shape) = shape(template) else {
                    continue;
                };
                let segments = template.split('/').enumerate();
                let marked = segments.filter(|(_, segment)| {
                    let name = segment.trim_start_matches('{').trim_end_matches('}');
                    segment.starts_with('{') && secret.contains(name)
                });
                let marked = marked.map(|(place, _)| place);
                places.entry(shape).or_default().extend(marked);
            }
        }
        Self(places)
    }

    /// Returns the indexes of a template's segments that are secret.
    pub(in crate::rollout) fn places(&self, template: &str) -> Arc<[usize]> {
        let places = shape(template).and_then(|shape| self.0.get(&shape));
        places.into_iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_secret_if_any_release_says_so() {
        let templates = |all: &[&str]| -> Vec<String> {
            all.iter().map(|template| (*template).to_owned()).collect()
        };
        let secret = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let active = (
            templates(&["/cart/{cart_id}", "/cart/{cart_id}/items/{item}"]),
            secret(&["cart_id"]),
        );
        let canary = (
            templates(&["/Cart/{key}", "/cart/{key}/items/{item_key}", "/cart/new"]),
            secret(&["key", "item_key"]),
        );
        let places = SecretPlaces::new([&active, &canary].map(|(t, s)| (&**t, s)).into_iter());
        for (template, expected) in [
            ("/cart/{cart_id}", &[2][..]),
            ("/cart/{key}", &[2]),
            ("/cart/{cart_id}/items/{item}", &[2, 4]),
            ("/cart/new", &[]),
        ] {
            assert_eq!(*places.places(template), *expected, "{template}");
        }
        let alone = SecretPlaces::new([&active].map(|(t, s)| (&**t, s)).into_iter());
        assert_eq!(*alone.places("/cart/{cart_id}/items/{item}"), [2]);
    }
}
