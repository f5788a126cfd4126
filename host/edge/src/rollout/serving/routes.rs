//! Routing of paths to plugins by the longest prefix of whole segments, and the
//! route by which metrics count a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::active::ActivePlugin;
use super::paths::{is_prefix, strip_prefix_ignoring_case};
use super::release::Release;
use super::secret_segments::SecretPlaces;
use super::templates::Templates;
use crate::telemetry::ReleaseStats;

/// Routing table of all plugins that serve.
#[derive(Default)]
pub struct RouteTable {
    /// Prefixes, longest first, so that the first match is the longest.
    prefixes: Vec<(Arc<Route>, Arc<ActivePlugin>)>,
    templates: Templates<Templated>,
    /// Routes by their path: prefixes and templates, each once.
    routes: BTreeMap<String, Arc<Route>>,
    has_canaries: bool,
}

/// Route of a plugin that serves, with its counts.
#[derive(Debug, Default)]
pub struct Route {
    /// Path template in the plugin's OpenAPI document, such as
    /// `/products/{product_id}`, or the prefix that the plugin claims where no
    /// template matches.
    pub path: String,
    /// Counts of requests, by release.
    pub stats: ReleaseStats,
}

/// Route of a path template.
struct Templated {
    route: Arc<Route>,
    /// Indexes of the path segments that are secret parameters.
    secrets: Arc<[usize]>,
}

/// Plugin and route that match a path.
pub struct Match<'t, 'p> {
    /// Route by which the request is counted.
    pub route: &'t Arc<Route>,
    /// Plugin that answers.
    pub plugin: &'t Arc<ActivePlugin>,
    /// Path as the plugin, its rate limits and metrics see it: literal segments
    /// are spelled as in the route.
    pub path: Cow<'p, str>,
    /// Indexes of the path segments that are kept out of logs, as any release
    /// of the plugin marks them; `None` if the plugin has no secret parameters.
    pub secrets: Option<Arc<[usize]>>,
}

/// Error when two plugins claim the same route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the route {route} is claimed by both {first} and {second}")]
pub struct RouteError {
    /// Route that is claimed twice, without regard to ASCII case.
    pub route: String,
    /// Name of the plugin that claimed the route first.
    pub first: String,
    /// Name of the other plugin.
    pub second: String,
}

impl RouteTable {
    /// Returns the routes of `plugins`, their canaries included. A route that
    /// was in `before` keeps its counts.
    ///
    /// # Errors
    /// When two plugins claim the same route.
    pub fn new<'a>(
        before: &Self,
        plugins: impl IntoIterator<Item = &'a Arc<ActivePlugin>>,
    ) -> Result<Self, RouteError> {
        let plugins: Vec<_> = plugins.into_iter().collect();
        let mut table = Self {
            has_canaries: plugins.iter().any(|plugin| plugin.canary.is_some()),
            ..Self::default()
        };
        for (prefix, plugin) in claims(&plugins)? {
            let route = before.route(prefix);
            table.routes.insert(prefix.to_owned(), route.clone());
            table.prefixes.push((route, plugin.clone()));
        }
        let length = |route: &Route| std::cmp::Reverse(route.path.len());
        table.prefixes.sort_by_key(|(route, _)| length(route));
        for plugin in plugins {
            table.add_templates(plugin, before);
        }
        Ok(table)
    }

    /// Adds the path templates that `plugin` answers itself: another plugin may
    /// claim a longer prefix.
    fn add_templates(&mut self, plugin: &Arc<ActivePlugin>, before: &Self) {
        let releases = plugin.releases();
        let marks = releases.map(|release| (&*release.templates, &release.secret_parameters));
        let secrets = SecretPlaces::new(marks);
        for template in plugin.releases().flat_map(|release| &release.templates) {
            let answers = self.by_prefix(template).map(|(_, plugin)| plugin);
            if !answers.is_some_and(|answers| Arc::ptr_eq(answers, plugin)) {
                continue;
            }
            let known = self.routes.get(template).cloned();
            let route = known.unwrap_or_else(|| before.route(template));
            let templated = Templated {
                route: route.clone(),
                secrets: secrets.places(template),
            };
            if self.templates.add(template, templated) {
                self.routes.insert(template.clone(), route);
            }
        }
    }

    /// Returns the known route of this path, or a new one.
    fn route(&self, path: &str) -> Arc<Route> {
        let known = self.routes.get(path).cloned();
        known.unwrap_or_else(|| {
            Arc::new(Route {
                path: path.to_owned(),
                ..Route::default()
            })
        })
    }

    /// Keeps the counts of the releases that serve now, and drops those of
    /// replaced releases except the last one.
    pub fn keep_counts(&self) {
        for route in self.routes.values() {
            let Some((_, plugin)) = self.by_prefix(&route.path) else {
                continue;
            };
            // The active release is last, because its counts are kept for a
            // while after it is replaced.
            let mut versions: Vec<_> = plugin.releases().map(|r| &*r.version).collect();
            versions.reverse();
            route.stats.keep(&versions);
        }
    }

    /// Returns all routes, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// Returns whether any plugin has a canary.
    #[must_use]
    pub fn has_canaries(&self) -> bool {
        self.has_canaries
    }

    /// Returns the plugin and the route that match `path`, which is given
    /// without the mount prefix. The ASCII case of literal segments is ignored,
    /// and so is one final slash of a path that matches a template.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<Match<'_, 'p>> {
        let (prefix, plugin) = self.by_prefix(path)?;
        // A template may also match paths that another plugin answers.
        let found = self.templates.find(path).filter(|found| {
            strip_prefix_ignoring_case(&prefix.path, &found.value.route.path).is_some()
        });
        let (route, path, secrets) = match found {
            Some(found) => (&found.value.route, found.path, found.value.secrets.clone()),
            None => (prefix, with_prefix(&prefix.path, path), Arc::default()),
        };
        let has_secrets = |release: &Arc<Release>| !release.secret_parameters.is_empty();
        Some(Match {
            route,
            plugin,
            path,
            secrets: plugin.releases().any(has_secrets).then_some(secrets),
        })
    }

    fn by_prefix(&self, path: &str) -> Option<&(Arc<Route>, Arc<ActivePlugin>)> {
        let mut prefixes = self.prefixes.iter();
        prefixes.find(|(route, _)| strip_prefix_ignoring_case(&route.path, path).is_some())
    }
}

/// Returns `path` with the prefix spelled as the plugin spells it.
fn with_prefix<'p>(prefix: &str, path: &'p str) -> Cow<'p, str> {
    match strip_prefix_ignoring_case(prefix, path) {
        Some(rest) if !is_prefix(prefix, path) => Cow::Owned(format!("{prefix}{rest}")),
        _ => Cow::Borrowed(path),
    }
}

/// Returns the plugins by the prefixes that they claim. Two plugins cannot
/// claim prefixes that differ in ASCII case alone.
fn claims<'a>(
    plugins: &[&'a Arc<ActivePlugin>],
) -> Result<BTreeMap<&'a str, &'a Arc<ActivePlugin>>, RouteError> {
    let mut claims: BTreeMap<&str, &Arc<ActivePlugin>> = BTreeMap::new();
    let mut folded: BTreeMap<String, &Arc<ActivePlugin>> = BTreeMap::new();
    for plugin in plugins {
        let claimed = plugin
            .releases()
            .flat_map(|release| &release.manifest.routes);
        for route in claimed {
            claims.insert(route, plugin);
            let other = folded.insert(route.to_ascii_lowercase(), plugin);
            if let Some(other) = other.filter(|other| !Arc::ptr_eq(other, plugin)) {
                return Err(RouteError {
                    route: route.clone(),
                    first: other.name().to_owned(),
                    second: plugin.name().to_owned(),
                });
            }
        }
    }
    Ok(claims)
}
