//! Settings of databases: which one a plugin uses, their replicas, and the
//! node's connections to them.

use std::collections::BTreeMap;
use std::path::Path;

use stores::sql::Lifetimes;

use super::Settings;
use super::layers::Layers;
use super::values::at_least_a_second;
use super::values::urls::{database_url, replica_url};

const PER_PLUGIN_DATABASE: &str = "database_url_";
const PER_PLUGIN_REPLICA: &str = "database_replica_url_";

/// Minimum of connections of a node, four of which the host itself uses.
const MIN_CONNECTIONS: u32 = 8;
const MAX_CONNECTIONS: u32 = 100_000;

/// Databases of single plugins, replicas, and the node's connections to
/// database servers.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// URLs of single plugins' databases, by plugin name
    /// (`DATABASE_URL_<NAME>`).
    pub plugin_urls: BTreeMap<String, String>,
    /// URL of a replica of `database_url`, for queries that tolerate stale
    /// reads.
    pub replica_url: Option<String>,
    /// URLs of replicas of single plugins' databases
    /// (`DATABASE_REPLICA_URL_<NAME>`).
    pub plugin_replica_urls: BTreeMap<String, String>,
    /// Limit on the node's connections to database servers in total; when
    /// absent, only each pool's own limit applies.
    pub connections_total: Option<u32>,
    /// Idle timeout and maximum lifetime of connections to database servers.
    pub lifetimes: Lifetimes,
}

impl DatabaseSettings {
    /// Takes these settings out of `layers`.
    pub(super) fn take(layers: &mut Layers) -> Self {
        Self {
            plugin_urls: layers.take_prefixed(PER_PLUGIN_DATABASE, |_, url| database_url(url)),
            replica_url: layers.take("database_replica_url", None, |text| {
                replica_url(text).map(Some)
            }),
            plugin_replica_urls: layers
                .take_prefixed(PER_PLUGIN_REPLICA, |_, url| replica_url(url)),
            connections_total: layers.take("database_connections_total", None, total),
            lifetimes: take_lifetimes(layers),
        }
    }
}

/// Takes the URLs of the plugins' database and of the control database out of
/// `layers`. By default, both are files in the data folder, and the control
/// database is in the plugins' where that is on a server.
pub(super) fn take_urls(layers: &mut Layers, data_dir: &Path) -> (String, String) {
    let file = |name: &str| format!("sqlite://{}/{name}", data_dir.display());
    let url = layers.take("database_url", file("shop.sqlite"), database_url);
    let default_control = match is_file(&url) {
        true => file("control.sqlite"),
        false => url.clone(),
    };
    let control = layers.take("control_url", default_control, database_url);
    (url, control)
}

fn take_lifetimes(layers: &mut Layers) -> Lifetimes {
    let usual = Lifetimes::default();
    let mut take = |key, default| layers.take(key, default, at_least_a_second);
    Lifetimes {
        idle_timeout: take("database_idle_timeout", usual.idle_timeout),
        max_lifetime: take("database_max_lifetime", usual.max_lifetime),
    }
}

/// Parses the limit on the node's connections to database servers; `off` is no
/// limit.
fn total(text: &str) -> Result<Option<u32>, String> {
    match text.parse() {
        Ok(connections @ MIN_CONNECTIONS..=MAX_CONNECTIONS) => Ok(Some(connections)),
        _ if text == "off" => Ok(None),
        _ => Err(format!(
            "is neither `off` nor a whole number from {MIN_CONNECTIONS} to {MAX_CONNECTIONS}"
        )),
    }
}

fn is_file(url: &str) -> bool {
    url.starts_with("sqlite:")
}

impl Settings {
    /// Adds a problem to `layers` for each replica of a database in a file.
    pub(super) fn check_replicas(&self, layers: &mut Layers) {
        for plugin in self.databases.plugin_replica_urls.keys() {
            if is_file(self.database_url_of(plugin)) {
                layers.complain(&format!(
                    "{PER_PLUGIN_REPLICA}{plugin} is a replica of a file, which has none"
                ));
            }
        }
        if self.databases.replica_url.is_some() && is_file(&self.database_url) {
            layers.complain("database_replica_url is a replica of a file, which has none");
        }
    }

    /// Returns the URL of the database that `plugin` uses.
    #[must_use]
    pub fn database_url_of(&self, plugin: &str) -> &str {
        self.databases
            .plugin_urls
            .get(&plugin.replace('-', "_"))
            .unwrap_or(&self.database_url)
    }

    /// Returns the URL of the replica of the database that `plugin` uses, if
    /// there is one. A plugin with a database of its own does not use the
    /// replica of the shared database.
    #[must_use]
    pub fn database_replica_url_of(&self, plugin: &str) -> Option<&str> {
        let databases = &self.databases;
        let key = plugin.replace('-', "_");
        let shared = match databases.plugin_urls.contains_key(&key) {
            true => None,
            false => databases.replica_url.as_ref(),
        };
        let own = databases.plugin_replica_urls.get(&key);
        own.or(shared).map(String::as_str)
    }

    /// Returns whether any database has a replica.
    #[must_use]
    pub fn has_replicas(&self) -> bool {
        let databases = &self.databases;
        databases.replica_url.is_some() || !databases.plugin_replica_urls.is_empty()
    }

    /// Returns the URL of the database in which the nodes of a shop take
    /// leases: the control database where it is on a server. A control database
    /// in a file belongs to one node, so the plugins' database is used then.
    #[must_use]
    pub fn lease_url(&self) -> &str {
        match is_file(&self.control_url) {
            true => &self.database_url,
            false => &self.control_url,
        }
    }

    /// Returns whether real customers seem to be served: `production` is set,
    /// there is TLS, or a database is on a server.
    #[must_use]
    pub fn looks_like_production(&self) -> bool {
        self.production
            || self.tls.is_some()
            || !is_file(&self.database_url)
            || !self.databases.plugin_urls.values().all(|url| is_file(url))
    }
}
