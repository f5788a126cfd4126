//! Which release answers which path: the longest prefix of whole segments
//! wins.

use std::sync::Arc;

use crate::rollout::Release;

/// The whole API also answers under this prefix.
const MOUNT: &str = "/api/v1";

/// The routes of every release that serves.
pub struct RouteTable {
    /// Longest first, so that the first match is the best.
    routes: Vec<(String, Arc<Release>)>,
}

/// Two plugins claim the same route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the route {route} is claimed by both {first} and {second}")]
pub struct RouteError {
    /// The route.
    pub route: String,
    /// A plugin that claims it.
    pub first: String,
    /// Another.
    pub second: String,
}

impl RouteTable {
    /// The routes of `releases`.
    ///
    /// # Errors
    /// When two releases claim the same route.
    pub fn new(releases: &[Arc<Release>]) -> Result<Self, RouteError> {
        let mut routes: Vec<(String, Arc<Release>)> = Vec::new();
        for release in releases {
            for route in &release.manifest.routes {
                if let Some((_, other)) = routes.iter().find(|(taken, _)| taken == route) {
                    return Err(RouteError {
                        route: route.clone(),
                        first: other.manifest.name.clone(),
                        second: release.manifest.name.clone(),
                    });
                }
                routes.push((route.clone(), release.clone()));
            }
        }
        routes.sort_by_key(|(route, _)| std::cmp::Reverse(route.len()));
        Ok(Self { routes })
    }

    /// Every release once, by name.
    pub(super) fn releases(&self) -> Vec<&Arc<Release>> {
        let mut releases: Vec<_> = self.routes.iter().map(|(_, release)| release).collect();
        releases.sort_by_key(|release| &release.manifest.name);
        releases.dedup_by_key(|release| &release.manifest.name);
        releases
    }

    /// The route and the release that answer `path`, which has no mount.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(&str, &Arc<Release>)> {
        self.routes
            .iter()
            .find(|(route, _)| is_prefix(route, path))
            .map(|(route, release)| (route.as_str(), release))
    }
}

/// Whether `path` begins with the whole segments of `route`.
pub(super) fn is_prefix(route: &str, path: &str) -> bool {
    path.strip_prefix(route)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `target` (a path, perhaps with a query) without the mount.
pub(super) fn without_mount(target: &str) -> &str {
    match target.strip_prefix(MOUNT) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_whole_segments() {
        assert!(is_prefix("/products", "/products"));
        assert!(is_prefix("/products", "/products/1"));
        assert!(!is_prefix("/products", "/productsale"));
        assert!(!is_prefix("/products/1", "/products"));
    }

    #[test]
    fn the_mount_is_taken_off_once() {
        assert_eq!(without_mount("/api/v1/products?page=2"), "/products?page=2");
        assert_eq!(without_mount("/api/v1/api/v1/products"), "/api/v1/products");
        assert_eq!(without_mount("/api/v10/products"), "/api/v10/products");
        assert_eq!(without_mount("/api/v1"), "/api/v1");
    }
}
