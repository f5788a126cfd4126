//! `plugin.toml`: what a plugin is, which routes it serves, what it may use
//! and how much of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use semver::Version;
use serde::Deserialize;

/// A plugin's manifest. Unknown keys are errors: a misspelt limit must not
/// silently become the default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Names the plugin: lower-case letters, digits and hyphens.
    pub name: String,
    /// The plugin's own version.
    pub version: Version,
    /// The component, relative to the manifest.
    pub component: PathBuf,
    /// Path prefixes that it serves, by whole segments.
    pub routes: Vec<String>,
    /// Targets to try, such as `/products?limit=3`: shown when a node starts.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Whether instances are used again.
    #[serde(default)]
    pub isolation: Isolation,
    /// Bounds on what it may take.
    #[serde(default)]
    pub limits: Limits,
    /// What it may use.
    #[serde(default)]
    pub grants: Grants,
}

/// Whether an instance answers one request or many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A fresh instance for every request: nothing leaks from one client to
    /// the next, whatever the plugin does.
    #[default]
    Request,
    /// Instances are kept and used again, one request at a time.
    Pooled,
}

/// Bounds on what a plugin may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Linear memory of one instance.
    pub memory: ByteSize,
    /// Time on a processor for one request.
    #[serde(with = "humantime_serde")]
    pub cpu_time: Duration,
    /// Time for one request, waiting included.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Instances at once.
    pub instances: u32,
    /// Requests that a pooled instance answers before it is replaced.
    pub requests_per_instance: u32,
    /// Longest request body.
    pub body: ByteSize,
    /// Longest response body.
    pub response: ByteSize,
    /// Calls into the host for one request.
    pub host_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(32),
            cpu_time: Duration::from_millis(500),
            deadline: Duration::from_secs(5),
            instances: 16,
            requests_per_instance: 10_000,
            body: ByteSize::kib(64),
            response: ByteSize::mib(4),
            host_calls: 1000,
        }
    }
}

/// What a plugin may use. Nothing by default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Grants {
    /// Its tables, behind `edge:platform/sql`.
    pub database: Option<DatabaseGrant>,
}

/// A grant of tables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DatabaseGrant {
    /// Tables it may select from.
    pub read: Vec<String>,
    /// Tables it may change, and select from.
    pub write: Vec<String>,
    /// Connections of this plugin's pool on this node.
    pub connections: u32,
    /// Most rows that one call may return.
    pub rows: u32,
    /// Most bytes that one call may return.
    pub bytes: ByteSize,
}

impl Default for DatabaseGrant {
    fn default() -> Self {
        Self {
            read: Vec::new(),
            write: Vec::new(),
            connections: 8,
            rows: 1000,
            bytes: ByteSize::mib(4),
        }
    }
}

/// Why a manifest is refused. The file is named by whoever read it.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Not TOML, an unknown key, or a value of the wrong form.
    #[error("{0}")]
    Parse(#[from] Box<toml::de::Error>),
    /// A value that makes no sense.
    #[error("`{key}` {problem}")]
    Value {
        /// The key at fault.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// WebAssembly's page: memory is counted in these.
const WASM_PAGE: u64 = 64 * 1024;

impl Manifest {
    /// Read and check the manifest at `path`.
    ///
    /// # Errors
    /// When it cannot be read, holds an unknown key or a senseless value.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(Box::new)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let limits = &self.limits;
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        require(
            "name",
            self.name.starts_with(|c: char| c.is_ascii_lowercase())
                && self.name.chars().all(fine)
                && self.name.len() <= 40,
            "must be 1 to 40 lower-case letters, digits and hyphens, and begin with a letter",
        )?;
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
        }
        require(
            "limits.memory",
            (WASM_PAGE..=4 << 30).contains(&limits.memory.as_u64()),
            "must be from 64 KiB to 4 GiB",
        )?;
        require(
            "limits.instances",
            (1..=1000).contains(&limits.instances),
            "must be from 1 to 1000",
        )?;
        require(
            "limits.requests-per-instance",
            limits.requests_per_instance > 0,
            "must be above 0",
        )?;
        require(
            "limits.cpu-time",
            !limits.cpu_time.is_zero(),
            "must be above 0",
        )?;
        require(
            "limits.deadline",
            limits.deadline >= limits.cpu_time,
            "must not be shorter than limits.cpu-time",
        )?;
        self.grants
            .database
            .as_ref()
            .map_or(Ok(()), DatabaseGrant::check)
    }
}

impl DatabaseGrant {
    fn check(&self) -> Result<(), ManifestError> {
        let named = !self.read.is_empty() || !self.write.is_empty();
        require("grants.database", named, "grants no table")?;
        require(
            "grants.database.connections",
            (1..=1000).contains(&self.connections),
            "must be from 1 to 1000",
        )?;
        require("grants.database.rows", self.rows > 0, "must be above 0")?;
        let host_table = self
            .read
            .iter()
            .chain(&self.write)
            .find(|t| t.starts_with("edge_"));
        require(
            "grants.database",
            host_table.is_none(),
            "names a table that begins with `edge_`: those are the host's own",
        )
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
    fn routes_are_plain_paths() {
        for good in ["/a", "/a/b-c", "/.well-known/x"] {
            assert!(is_route(good), "{good}");
        }
        for bad in ["", "/", "a", "/a/", "//a", "/a b", "/{id}", "/a?b", "/ä"] {
            assert!(!is_route(bad), "{bad}");
        }
    }
}
