//! Which plugin answers which path: the longest prefix of whole segments
//! wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployed::Deployed;
use super::release::Release;
use crate::telemetry::RouteStats;

/// The whole API also answers under this prefix.
const MOUNT: &str = "/api/v1";

/// The routes of every plugin that serves.
#[derive(Default)]
pub struct RouteTable {
    /// Longest first, so that the first match is the best.
    routes: Vec<(Arc<Route>, Arc<Deployed>)>,
    has_trials: bool,
}

/// A route, for as long as it leads anywhere.
#[derive(Debug, Default)]
pub struct Route {
    /// The prefix of its paths.
    pub path: String,
    /// What it has answered.
    pub stats: RouteStats,
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
    /// The routes of `plugins`, those of their trials included. One that was
    /// there `before` counts on.
    ///
    /// # Errors
    /// When two plugins claim the same route.
    pub fn new<'a>(
        before: &Self,
        plugins: impl IntoIterator<Item = &'a Arc<Deployed>>,
    ) -> Result<Self, RouteError> {
        let mut routes: BTreeMap<&str, &Arc<Deployed>> = BTreeMap::new();
        let mut has_trials = false;
        for plugin in plugins {
            has_trials |= plugin.trial.is_some();
            let claimed = plugin
                .releases()
                .flat_map(|release| &release.manifest.routes);
            for route in claimed {
                let other = routes.insert(route, plugin);
                if let Some(other) = other.filter(|other| !Arc::ptr_eq(other, plugin)) {
                    return Err(RouteError {
                        route: route.clone(),
                        first: other.name().to_owned(),
                        second: plugin.name().to_owned(),
                    });
                }
            }
        }
        let mut routes: Vec<_> = routes
            .into_iter()
            .map(|(path, plugin)| (before.route(path), plugin.clone()))
            .collect();
        routes.sort_by_key(|(route, _)| std::cmp::Reverse(route.path.len()));
        Ok(Self { routes, has_trials })
    }

    /// The route of this path that is there, or a new one.
    fn route(&self, path: &str) -> Arc<Route> {
        let known = self.routes.iter().find(|(route, _)| route.path == path);
        known.map_or_else(
            || {
                Arc::new(Route {
                    path: path.to_owned(),
                    ..Route::default()
                })
            },
            |(route, _)| route.clone(),
        )
    }

    /// All routes.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter().map(|(route, _)| route)
    }

    /// Whether any plugin has a release on trial.
    #[must_use]
    pub fn has_trials(&self) -> bool {
        self.has_trials
    }

    /// The route and the plugin that answer `path`, which has no mount.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(&Arc<Route>, &Arc<Deployed>)> {
        self.routes
            .iter()
            .find(|(route, _)| is_prefix(&route.path, path))
            .map(|(route, plugin)| (route, plugin))
    }
}

/// Whether `release` claims `path`, which has no mount.
pub(super) fn claims(release: &Release, path: &str) -> bool {
    let mut routes = release.manifest.routes.iter();
    routes.any(|route| is_prefix(route, path))
}

/// Whether `path` begins with the whole segments of `route`.
#[must_use]
pub fn is_prefix(route: &str, path: &str) -> bool {
    path.strip_prefix(route)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `target` (a path, perhaps with a query) without the mount.
#[must_use]
pub fn without_mount(target: &str) -> &str {
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
