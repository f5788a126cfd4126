//! The manifest section `[cache]`: routes whose replies the host may keep and give to others.

use std::time::Duration;

use serde::Deserialize;

use super::{ManifestError, is_route, require};

/// Bounds on `max-age`, and the upper one on `stale-if-error`.
const LEAST_AGE: Duration = Duration::from_secs(1);
const MOST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Routes whose replies may be kept until the data that they depend on changes. The plugin promises
/// that a reply of theirs depends on nothing but what it asks the host for: not on what an instance
/// keeps from one request to the next.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CachePolicy {
    /// Path prefixes of the routes, matched by whole segments.
    pub routes: Vec<String>,
    /// Time after which a reply is made again, although no change of its data is known: others
    /// may write to the database past all nodes.
    #[serde(with = "humantime_serde", default = "default_max_age")]
    pub max_age: Duration,
    /// Time for which a reply that is no longer current is sent while the plugin fails to make
    /// another, as while its database is down.
    #[serde(with = "humantime_serde", default = "default_stale_if_error")]
    pub stale_if_error: Duration,
    /// Roles of callers whose requests the plugin always answers itself.
    #[serde(default)]
    pub bypass_roles: Vec<String>,
}

fn default_max_age() -> Duration {
    Duration::from_secs(60)
}

fn default_stale_if_error() -> Duration {
    Duration::from_secs(60 * 60)
}

impl CachePolicy {
    pub(super) fn check(&self, plugin_routes: &[String]) -> Result<(), ManifestError> {
        require(
            "cache.routes",
            !self.routes.is_empty(),
            "must name at least one route",
        )?;
        for route in &self.routes {
            require(
                "cache.routes",
                is_route(route),
                format_args!("holds {route:?}, which is not a path of plain segments"),
            )?;
            require(
                "cache.routes",
                plugin_routes.iter().any(|own| is_below(own, route)),
                format_args!("holds {route:?}, which is below none of the plugin's `routes`"),
            )?;
        }
        require(
            "cache.max-age",
            (LEAST_AGE..=MOST_AGE).contains(&self.max_age),
            "must be 1s to 1day",
        )?;
        require(
            "cache.stale-if-error",
            self.stale_if_error <= MOST_AGE,
            "must be 1day or less",
        )
    }

    /// Returns whether the replies of `path` may be kept.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.routes.iter().any(|route| is_below(route, path))
    }
}

/// Returns whether `path` is `prefix` or below it, by whole segments.
fn is_below(prefix: &str, path: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;

    fn parse(cache: &str) -> Result<Manifest, String> {
        let text = format!(
            "name = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\nroutes = [\"/a\"]\n\
             [cache]\n{cache}"
        );
        Manifest::parse(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn routes_are_prefixes_by_whole_segments() {
        let manifest = parse("routes = [\"/a/b\"]").expect("valid");
        let cache = manifest.cache.expect("given");
        assert!(cache.covers("/a/b") && cache.covers("/a/b/1"));
        assert!(!cache.covers("/a") && !cache.covers("/a/bc") && !cache.covers("/x/a/b"));
        assert_eq!(cache.max_age.as_secs(), 60);
        assert_eq!(cache.stale_if_error.as_secs(), 3600);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        for (cache, key) in [
            ("routes = []", "cache.routes"),
            ("routes = [\"/b\"]", "below none of the plugin's `routes`"),
            ("routes = [\"/ab\"]", "below none of the plugin's `routes`"),
            ("routes = [\"/a/{id}\"]", "cache.routes"),
            ("routes = [\"/a\"]\nmax-age = \"0s\"", "cache.max-age"),
            ("routes = [\"/a\"]\nmax-age = \"2days\"", "cache.max-age"),
            (
                "routes = [\"/a\"]\nstale-if-error = \"2days\"",
                "cache.stale-if-error",
            ),
            ("routes = [\"/a\"]\nttl = \"1s\"", "ttl"),
            ("max-age = \"1s\"", "routes"),
        ] {
            let refusal = parse(cache).expect_err(cache);
            assert!(refusal.contains(key), "{cache}: {refusal}");
        }
    }
}
