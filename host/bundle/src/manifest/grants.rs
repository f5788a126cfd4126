//! The manifest section `[grants]`: resources that a plugin may use.

use std::collections::BTreeMap;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use url::Url;

use super::identity::{self, IdentityGrant};
use super::{ManifestError, calls, require};

/// Prefix of an outbound origin that is taken from a setting of the operator.
pub const CONFIG_ORIGIN: &str = "config:";

/// Resources that a plugin may use. The default grants nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Grants {
    /// Database tables, by `edge:platform/sql`.
    pub database: Option<DatabaseGrant>,
    /// Key-value buckets by name, by `wasi:keyvalue`.
    pub buckets: BTreeMap<String, BucketGrant>,
    /// Settings that the operator may set, by `wasi:config`.
    pub config: Vec<String>,
    /// Secrets that the host generates, by `wasi:config`: 64 hexadecimal digits, equal on every
    /// node of the shop.
    pub secrets: Vec<String>,
    /// Origins that the plugin may call, such as `https://api.stripe.com`. `config:KEY` is the
    /// origin of the URL in that setting.
    pub outbound: Vec<String>,
    /// Permission to send mail.
    pub mail: bool,
    /// Permission to hash passwords, and the roles of tokens that the plugin may issue.
    #[serde(deserialize_with = "identity::switch_or_roles")]
    pub identity: Option<IdentityGrant>,
    /// Interfaces of other plugins that the plugin may call, such as `shop:catalog/catalog`.
    pub calls: Vec<String>,
    /// Interfaces of other plugins that the plugin may call where a plugin exports them, and does
    /// not require.
    pub optional_calls: Vec<String>,
}

/// Grant of database tables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DatabaseGrant {
    /// Tables that the plugin may select from.
    pub read: Vec<String>,
    /// Tables that the plugin may change and select from.
    pub write: Vec<String>,
    /// Maximum number of connections in this plugin's pool on each node.
    pub connections: u32,
    /// Maximum number of rows that one call may return.
    pub rows: u32,
    /// Maximum number of bytes that one call may return.
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

/// Grant of one key-value bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BucketGrant {
    /// Time to live of a value since it was last written; without it, values do not expire.
    #[serde(with = "humantime_serde")]
    pub ttl: Option<Duration>,
    /// Maximum length of a value.
    pub bytes: ByteSize,
}

impl Default for BucketGrant {
    fn default() -> Self {
        Self {
            ttl: None,
            bytes: ByteSize::kib(64),
        }
    }
}

impl Grants {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        self.database
            .as_ref()
            .map_or(Ok(()), DatabaseGrant::check)?;
        for (name, bucket) in &self.buckets {
            bucket.check(name)?;
        }
        for key in &self.config {
            require(
                "grants.config",
                is_key(key) && !is_the_hosts(key),
                format_args!(
                    "holds {key:?}, which is no key such as STRIPE_API_BASE, or the host's own"
                ),
            )?;
        }
        for key in &self.secrets {
            require(
                "grants.secrets",
                is_key(key) && !is_the_hosts(key) && !self.config.contains(key),
                format_args!(
                    "holds {key:?}, which is no key such as ITEM_KEY, the host's own, or in \
                     grants.config too"
                ),
            )?;
        }
        for origin in &self.outbound {
            self.check_origin(origin)?;
        }
        self.identity
            .as_ref()
            .map_or(Ok(()), IdentityGrant::check)?;
        calls::check_calls(&self.calls, &self.optional_calls)
    }

    fn check_origin(&self, origin: &str) -> Result<(), ManifestError> {
        let known = match origin.strip_prefix(CONFIG_ORIGIN) {
            Some(key) => self.config.iter().any(|granted| granted == key),
            None => is_origin(origin),
        };
        require(
            "grants.outbound",
            known,
            format_args!(
                "holds {origin:?}, which is neither an origin such as \"https://api.stripe.com\" \
                 nor \"config:\" with a key of grants.config"
            ),
        )
    }
}

impl BucketGrant {
    fn check(&self, name: &str) -> Result<(), ManifestError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        require(
            "grants.buckets",
            !name.is_empty() && name.len() <= 40 && name.chars().all(plain),
            format_args!(
                "holds {name:?}, which is not 1 to 40 lower-case letters, digits and hyphens"
            ),
        )?;
        require(
            "grants.buckets.bytes",
            (1..=MOST_VALUE).contains(&self.bytes.as_u64()),
            "must be from 1 byte to 1 MiB",
        )?;
        let second = Duration::from_secs(1);
        require(
            "grants.buckets.ttl",
            self.ttl.is_none_or(|ttl| ttl >= second),
            "must be a second or longer",
        )
    }
}

/// Maximum length of a value in any bucket, in bytes.
const MOST_VALUE: u64 = 1 << 20;

fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(plain) && key.len() <= 64
}

/// Returns whether `key` names a setting of the host, which no plugin may read. This check only
/// reports it early: whatever a manifest asks for, a plugin reads settings made for plugins alone
/// (`config/plugin_config.rs`).
fn is_the_hosts(key: &str) -> bool {
    [
        "EDGE_",
        "DATABASE_URL",
        "DATABASE_REPLICA_URL",
        "REDIS_URL",
        "SMTP_URL",
        "OTEL_",
    ]
    .iter()
    .any(|own| key.starts_with(own))
}

/// Returns whether `text` is a scheme, a host and optionally a port, and nothing else. Wildcards
/// are refused: the URL syntax allows `*` in a host name, where it would match nothing but itself.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.contains('*'))
            && url.origin().ascii_serialization() == text
    })
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
        self.read
            .iter()
            .chain(&self.write)
            .try_for_each(|table| check_table(table))
    }
}

/// Maximum length of a table's name, in characters: MySQL's limit.
const MAX_TABLE_NAME: usize = 64;

/// Prefixes of table names that are reserved for the host or the databases.
const RESERVED_TABLES: [&str; 3] = ["edge_", "sqlite_", "pragma_"];

/// Names of SQLite's modules and table-valued functions, which SQLite resolves where no such table
/// exists.
const MODULES: [&str; 5] = [
    "bytecode",
    "dbstat",
    "json_each",
    "json_tree",
    "tables_used",
];

/// Checks that a table's name is not reserved, and has only lower-case ASCII letters, digits and
/// underscores. Databases fold the case of other letters differently, and a name with a point
/// refers to another schema.
fn check_table(name: &str) -> Result<(), ManifestError> {
    let folded = name.to_lowercase();
    require(
        "grants.database",
        !RESERVED_TABLES.iter().any(|own| folded.starts_with(own))
            && !MODULES.contains(&folded.as_str()),
        format_args!(
            "names the table {name:?}: names that begin with `edge_`, `sqlite_` or `pragma_`, and \
             those of SQLite's modules, are the host's own, or the database's"
        ),
    )?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    require(
        "grants.database",
        !name.is_empty() && name.len() <= MAX_TABLE_NAME && name.chars().all(plain),
        format_args!(
            "names the table {name:?}, which is not 1 to {MAX_TABLE_NAME} lower-case ASCII \
             letters, digits and underscores"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<(), String> {
        let grants: Grants = toml::from_str(toml).expect(toml);
        grants.check().map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_whole_and_nothing_more() {
        for good in [
            "https://api.stripe.com",
            "http://127.0.0.1:9000",
            "http://[::1]:1",
        ] {
            assert!(is_origin(good), "{good}");
        }
        let bad = [
            "",
            "api.stripe.com",
            "ftp://a.b",
            "https://a.b/",
            "https://a.b/c",
            "https://u@a.b",
            "https://a.b:443",
            "https://*.b",
            "HTTPS://a.b",
        ];
        for bad in bad {
            assert!(!is_origin(bad), "{bad}");
        }
        assert!(check("config = ['BASE']\noutbound = ['config:BASE']").is_ok());
        assert!(check("outbound = ['config:BASE']").is_err());
    }

    #[test]
    fn no_plugin_reads_the_hosts_settings() {
        for key in [
            "DATABASE_URL",
            "DATABASE_URL_ORDER",
            "DATABASE_REPLICA_URL",
            "REDIS_URL",
            "EDGE_SECRET",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "lower",
            "",
        ] {
            let refused = check(&format!("config = ['{key}']"));
            assert!(
                refused.is_err_and(|why| why.contains("grants.config")),
                "{key}"
            );
            let refused = check(&format!("secrets = ['{key}']"));
            assert!(
                refused.is_err_and(|why| why.contains("grants.secrets")),
                "{key}"
            );
        }
        assert!(check("config = ['STRIPE_SECRET_KEY']").is_ok());
        assert!(check("config = ['A']\nsecrets = ['A']").is_err());
    }

    #[test]
    fn tables_have_plain_names_of_their_own() {
        let check_names = |list: &str, names: &[&str]| {
            names.iter().for_each(|name| {
                let refused = check(&format!("[database]\n{list} = ['{name}']"));
                assert!(
                    refused.is_err_and(|why| why.contains("grants.database")),
                    "{list}: {name}"
                );
            });
        };
        let bad = [
            "edge_release_log",
            "EDGE_release_log",
            "Edge_Control",
            "edge_migrations_order",
            "sqlite_master",
            "SQLITE_SCHEMA",
            "pragma_table_info",
            "dbstat",
            "json_each",
            "mysql.user",
            "main.orders",
            "information_schema.tables",
            "Orders",
            "stoc\u{212a}",
            "orders ",
            "`orders`",
            "a-b",
            "*",
            "%",
            "",
        ];
        check_names("read", &bad);
        check_names("write", &bad);
        check_names("write", &[&"a".repeat(65)]);
        assert!(check("[database]\nread = ['tax']\nwrite = ['order_detail', 't2']").is_ok());
    }

    #[test]
    fn buckets_have_plain_names_and_bounded_values() {
        assert!(check("[buckets.carts]\nttl = '30d'").is_ok());
        assert!(check("[buckets.'a:b']").is_err());
        assert!(check("[buckets.carts]\nbytes = '2 MiB'").is_err());
        assert!(check("[buckets.carts]\nttl = '1ms'").is_err());
    }
}
