//! Which plugin answers which path: the longest prefix of whole segments
//! wins. And by which name it is counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::active::ActivePlugin;
use super::paths::{is_prefix, strip_prefix_ignoring_case};
use super::release::Release;
use super::secret_segments::SecretPlaces;
use super::templates::Templates;
use crate::telemetry::ReleaseStats;

/// The routes of every plugin that serves.
#[derive(Default)]
pub struct RouteTable {
    /// Prefixes, longest first, so that the first match is the best.
    prefixes: Vec<(Arc<Route>, Arc<ActivePlugin>)>,
    templates: Templates<Templated>,
    /// Prefixes and templates, each once.
    routes: BTreeMap<String, Arc<Route>>,
    has_trials: bool,
}

/// A route, for as long as it leads anywhere.
#[derive(Debug, Default)]
pub struct Route {
    /// The template of its paths in the plugin's OpenAPI document, such as
    /// `/products/{product_id}`; the prefix that the plugin claims where no
    /// template fits.
    pub path: String,
    /// What it has answered, by release.
    pub stats: ReleaseStats,
}

/// The route of a template.
struct Templated {
    route: Arc<Route>,
    /// Places of its secret parameters.
    secrets: Arc<[usize]>,
}

/// What answers a path.
pub struct Match<'t, 'p> {
    /// The route by which the request is counted.
    pub route: &'t Arc<Route>,
    /// The plugin that answers.
    pub plugin: &'t Arc<ActivePlugin>,
    /// The path as the plugin, its rate limits and metrics are to see it.
    pub path: Cow<'p, str>,
    /// Places of the path's segments that no log shows, as any release of the
    /// plugin says; none where it has no secret parameters.
    pub secrets: Option<Arc<[usize]>>,
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
        plugins: impl IntoIterator<Item = &'a Arc<ActivePlugin>>,
    ) -> Result<Self, RouteError> {
        let plugins: Vec<_> = plugins.into_iter().collect();
        let mut table = Self {
            has_trials: plugins.iter().any(|plugin| plugin.trial.is_some()),
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

    /// Add the templates of those paths that `plugin` answers.
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

    /// The route of this path that is there, or a new one.
    fn route(&self, path: &str) -> Arc<Route> {
        let known = self.routes.get(path).cloned();
        known.unwrap_or_else(|| {
            Arc::new(Route {
                path: path.to_owned(),
                ..Route::default()
            })
        })
    }

    /// Lets the routes count for the releases that serve now, and forget all
    /// but the last of those that do not.
    pub fn keep_counts(&self) {
        for route in self.routes.values() {
            let Some((_, plugin)) = self.by_prefix(&route.path) else {
                continue;
            };
            // The active one last: it is the one that is kept a while longer.
            let mut versions: Vec<_> = plugin.releases().map(|r| &*r.version).collect();
            versions.reverse();
            route.stats.keep(&versions);
        }
    }

    /// All routes.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// Whether any plugin has a release on trial.
    #[must_use]
    pub fn has_trials(&self) -> bool {
        self.has_trials
    }

    /// Finds what answers `path`, which has no mount. The case of literal
    /// segments makes no difference, nor does one final slash of a path that a
    /// template fits.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<Match<'_, 'p>> {
        let (prefix, plugin) = self.by_prefix(path)?;
        // Another plugin may answer a part of what a template fits.
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

/// `path` with the prefix as the plugin spells it.
fn with_prefix<'p>(prefix: &str, path: &'p str) -> Cow<'p, str> {
    match strip_prefix_ignoring_case(prefix, path) {
        Some(rest) if !is_prefix(prefix, path) => Cow::Owned(format!("{prefix}{rest}")),
        _ => Cow::Borrowed(path),
    }
}

/// Which plugin claims which prefix. Two plugins cannot claim prefixes that
/// differ in case alone.
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
