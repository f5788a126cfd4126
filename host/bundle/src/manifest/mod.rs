//! The manifest `plugin.toml`: name and routes of a plugin, its grants and its limits.

mod cache;
mod calls;
mod grants;
mod identity;
mod limits;
mod metrics;
mod rate_limit;
mod schedule;

use std::collections::BTreeMap;
use std::path::PathBuf;

use semver::Version;
use serde::Deserialize;

pub use cache::CachePolicy;
pub use calls::{Export, PluginExports};
pub use grants::{BucketGrant, CONFIG_ORIGIN, DatabaseGrant, Grants};
pub use identity::IdentityGrant;
pub use limits::Limits;
pub use metrics::{Metric, Metrics};
pub use rate_limit::{RateLimit, Subject};
pub use schedule::Schedule;

/// Path of the liveness probe, which every node serves itself.
pub const LIVE: &str = "/livez";

/// Path of the readiness probe, which every node serves itself.
pub const READY: &str = "/readyz";

/// Manifest of a plugin. Unknown keys are errors, so that a misspelt limit does not silently become
/// the default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Name of the plugin: 1 to 40 lower-case letters, digits and hyphens.
    pub name: String,
    /// Version of the plugin.
    pub version: Version,
    /// Path of the component, relative to the manifest.
    pub component: PathBuf,
    /// Shell command that builds the component, run in the plugin's folder by `edge dev`.
    #[serde(default)]
    pub build: Option<String>,
    /// Path prefixes that the plugin serves, matched by whole segments.
    pub routes: Vec<String>,
    /// Request targets to try, such as `/products?limit=3`, shown when a node starts.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Request target that answers 200 when the plugin works, requested before a release serves.
    #[serde(default)]
    pub health: Option<String>,
    /// Isolation of requests: a fresh instance for each, or pooled instances.
    #[serde(default)]
    pub isolation: Isolation,
    /// Limits of the plugin's resources.
    #[serde(default)]
    pub limits: Limits,
    /// Resources that the plugin may use.
    #[serde(default)]
    pub grants: Grants,
    /// Plugins that may call the interfaces that this plugin exports.
    #[serde(default)]
    pub exports: PluginExports,
    /// Rate limits of the plugin's routes, and those that it applies itself.
    #[serde(default, rename = "rate-limit")]
    pub rate_limits: Vec<RateLimit>,
    /// Routes whose replies the host may keep.
    #[serde(default)]
    pub cache: Option<CachePolicy>,
    /// Periodic tasks.
    #[serde(default)]
    pub schedule: Vec<Schedule>,
    /// Counters that the plugin increments itself.
    #[serde(default)]
    pub metrics: Metrics,
    /// Settings that the plugin needs to serve real customers, each with a sentence on what happens
    /// without it.
    #[serde(default)]
    pub production: BTreeMap<String, String>,
}

/// Isolation of requests from each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A fresh instance for every request: nothing leaks from one client to the next, whatever the
    /// plugin does.
    #[default]
    Request,
    /// Pooled instances, which answer one request after another, one at a time.
    Pooled,
}

/// Error in a manifest. The path of the file is added by the caller.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The text is not TOML, or has an unknown key or a value of the wrong type.
    #[error("{0}")]
    Parse(#[from] Box<toml::de::Error>),
    /// A value is out of range or inconsistent.
    #[error("`{key}` {problem}")]
    Value {
        /// Key of the value.
        key: &'static str,
        /// Description of the problem.
        problem: String,
    },
}

/// Maximum number of rate limits of a plugin. Each has counters, which take memory.
const MOST_RATE_LIMITS: usize = 32;

impl Manifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// Returns an error if the text has an unknown key or an invalid value.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(Box::new)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        require(
            "name",
            is_plugin_name(&self.name),
            "must be 1 to 40 lower-case letters, digits and hyphens, and begin with a letter",
        )?;
        self.check_routes()?;
        self.check_targets()?;
        self.limits.check()?;
        self.grants.check()?;
        require(
            "rate-limit",
            self.rate_limits.len() <= MOST_RATE_LIMITS,
            format_args!("there are more than {MOST_RATE_LIMITS}"),
        )?;
        calls::check_exports(&self.exports)?;
        self.rate_limits.iter().try_for_each(RateLimit::check)?;
        if let Some(cache) = &self.cache {
            cache.check(&self.routes)?;
        }
        metrics::check(&self.metrics)?;
        self.check_production()?;
        self.check_schedule()
    }

    fn check_routes(&self) -> Result<(), ManifestError> {
        require(
            "routes",
            !self.routes.is_empty(),
            "must name at least one route",
        )?;
        for route in &self.routes {
            require(
                "routes",
                is_route(route),
                format_args!(
                    "holds {route:?}, which is not a path of plain segments such as \"/products\""
                ),
            )?;
            let first = route.split('/').nth(1).unwrap_or_default();
            require(
                "routes",
                [LIVE, READY].iter().all(|own| own.get(1..) != Some(first)),
                format_args!("holds {route:?}, and {LIVE} and {READY} are the node's own"),
            )?;
        }
        Ok(())
    }

    /// Checks the targets of requests that the node itself makes.
    fn check_targets(&self) -> Result<(), ManifestError> {
        for example in &self.examples {
            require(
                "examples",
                is_target(example),
                format_args!("holds {example:?}, which is no path, perhaps with a query"),
            )?;
        }
        if let Some(health) = &self.health {
            require(
                "health",
                is_target(health),
                "must be a path, perhaps with a query, such as \"/products?limit=1\"",
            )?;
        }
        Ok(())
    }

    /// Checks that `production` names only settings that the plugin can read.
    fn check_production(&self) -> Result<(), ManifestError> {
        for (key, otherwise) in &self.production {
            require(
                "production",
                self.grants.config.contains(key),
                format_args!("names {key}, which `grants.config` does not"),
            )?;
            require(
                "production",
                !otherwise.is_empty() && !otherwise.contains(char::is_control),
                format_args!("must say in one line what happens without {key}"),
            )?;
        }
        Ok(())
    }

    /// Checks the tasks, whose names have to be distinct.
    fn check_schedule(&self) -> Result<(), ManifestError> {
        for (index, schedule) in self.schedule.iter().enumerate() {
            schedule.check()?;
            let twice = self.schedule.iter().skip(index + 1);
            require(
                "schedule.task",
                twice.into_iter().all(|other| other.task != schedule.task),
                format_args!("names {:?} twice", schedule.task),
            )?;
        }
        Ok(())
    }
}

fn require(
    key: &'static str,
    holds: bool,
    problem: impl std::fmt::Display,
) -> Result<(), ManifestError> {
    if holds {
        Ok(())
    } else {
        Err(ManifestError::Value {
            key,
            problem: problem.to_string(),
        })
    }
}

/// Returns whether `target` is a path, optionally with a query, in characters that need no escaping
/// in a terminal, nor in a shell between single quotes.
fn is_target(target: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '\\');
    target.starts_with('/') && target.chars().all(plain) && target.parse::<http::Uri>().is_ok()
}

fn is_plugin_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fine) && name.len() <= 40
}

fn is_route(route: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    route.strip_prefix('/').is_some_and(|path| {
        path.split('/')
            .all(|segment| !segment.is_empty() && segment.chars().all(plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str =
        "name = \"a\"\nversion = \"1.0.0\"\ncomponent = \"a.wasm\"\nroutes = [\"/a\"]\n";

    fn refusal(rest: &str) -> String {
        Manifest::parse(&format!("{SMALLEST}{rest}"))
            .expect_err(rest)
            .to_string()
    }

    #[test]
    fn rate_limits_are_few() {
        let with = |limits: usize| {
            let limit = "[[rate-limit]]\nname = 'a'\nquota = 1\nwindow = '1s'\n";
            Manifest::parse(&(SMALLEST.to_owned() + &limit.repeat(limits)))
        };
        assert!(with(MOST_RATE_LIMITS).is_ok());
        let refused = with(MOST_RATE_LIMITS + 1).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|why| why.contains("more than 32")));
    }

    #[test]
    fn what_is_not_said_has_a_safe_default() {
        let manifest = Manifest::parse(SMALLEST).expect("valid");
        assert_eq!(manifest.isolation, Isolation::Request);
        assert!(manifest.grants.database.is_none());
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(refusal("[limits]\nmemroy = \"1 MiB\"").contains("memroy"));
        assert!(refusal("[grants.databse]\nread = []").contains("databse"));
    }

    #[test]
    fn a_senseless_value_is_named_with_its_key() {
        assert!(refusal("[limits]\nmemory = \"1 KiB\"").contains("limits.memory"));
        assert!(refusal("[limits]\ninstances = 0").contains("limits.instances"));
        assert!(refusal("[limits]\ndeadline = \"1ms\"").contains("limits.deadline"));
        assert!(refusal("[grants.database]\nread = [\"edge_release\"]").contains("edge_"));
        assert!(refusal("[grants.database]\n").contains("grants no table"));
    }

    #[test]
    fn production_needs_only_what_is_granted() {
        let production = "[production]\nKEY = \"nothing works\"\n";
        assert!(refusal(production).contains("names KEY"));
        let granted = "[grants]\nconfig = [\"KEY\"]\n";
        assert!(Manifest::parse(&format!("{SMALLEST}{production}{granted}")).is_ok());
        let silent = production.replace("nothing works", "");
        assert!(refusal(&format!("{silent}{granted}")).contains("what happens without KEY"));
    }

    #[test]
    fn the_nodes_own_paths_are_nobody_elses() {
        for route in ["/livez", "/readyz", "/readyz/more"] {
            let claim = SMALLEST.replace("/a\"", &format!("{route}\""));
            let refusal = Manifest::parse(&claim).expect_err(route).to_string();
            assert!(refusal.contains("the node's own"), "{refusal}");
        }
        assert!(Manifest::parse(&SMALLEST.replace("/a\"", "/readyzer\"")).is_ok());
    }

    #[test]
    fn examples_can_be_shown_and_pasted() {
        let with = |key: &str, target: &str| {
            let value = toml::Value::from(target);
            let value = if key == "examples" {
                format!("[{value}]")
            } else {
                value.to_string()
            };
            Manifest::parse(&format!("{SMALLEST}{key} = {value}\n"))
        };
        for key in ["examples", "health"] {
            assert!(with(key, "/a?b=%20c&d=[1]").is_ok());
            for bad in [
                "a",
                "/a b",
                "/a\u{1b}[2J",
                "/a\nb",
                "/a'; rm -rf ~; '",
                "/a\\",
                "/\u{202e}a",
                "/ä",
                "",
            ] {
                let refusal = with(key, bad).expect_err(bad).to_string();
                assert!(refusal.contains(key), "{refusal}");
            }
        }
    }

    #[test]
    fn routes_are_plain_paths() {
        for good in ["/a", "/a/b-c", "/.well-known/x"] {
            assert!(is_route(good), "{good}");
        }
        for bad in ["", "/", "a", "/a/", "//a", "/a b", "/{id}", "/a?b", "/ä"] {
            assert!(!is_route(bad), "{bad}");
        }
    }
}
