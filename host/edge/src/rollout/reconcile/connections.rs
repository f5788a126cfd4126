//! Reports the connections of a node to its stores, and warns if nodes may open
//! more than a server accepts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stores::sql::DatabaseAccess;

use crate::rollout::backends::Backends;
use crate::rollout::control::{Control, ControlError};
use crate::rollout::report::ConnectionReport;
use crate::rollout::serving::live::ServingState;
use crate::telemetry::NodeWarnings;

/// Interval at which servers are asked for their maximum number of connections.
const CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// Name of the warning about too many connections.
const SUBJECT: &str = "database-connections";

/// Connection pools of a node.
pub struct NodeConnections {
    control: Arc<Control>,
    live: Arc<ServingState>,
    services: Arc<Backends>,
    /// Maximum number of database connections of the node over all pools, if it
    /// is bounded.
    bound: Option<u32>,
}

impl NodeConnections {
    /// Returns the pools of a node with these parts, whose database connections
    /// `bound` limits together.
    #[must_use]
    pub fn new(
        control: Arc<Control>,
        live: Arc<ServingState>,
        services: Arc<Backends>,
        bound: Option<u32>,
    ) -> Self {
        Self {
            control,
            live,
            services,
            bound,
        }
    }

    /// Returns the current use of every pool.
    #[must_use]
    pub fn report(&self) -> Vec<ConnectionReport> {
        let (system, now) = self.control.connections();
        let mut reports = vec![ConnectionReport::new("control".to_owned(), system, now)];
        let (system, now) = self.services.identity().connections();
        let revocations = "revoked tokens".to_owned();
        reports.push(ConnectionReport::new(revocations, system, now));
        for (plugin, database) in self.databases() {
            let (system, now) = (database.system(), database.connections());
            let store = format!("database of {plugin}");
            reports.push(ConnectionReport::new(store, system, now));
            if let Some(now) = database.replica_connections() {
                let store = format!("replica of {plugin}");
                reports.push(ConnectionReport::new(store, system, now));
            }
        }
        let redis = self.services.redis_connections().into_iter();
        reports.extend(redis.map(|(store, now)| {
            let store = store.to_owned();
            ConnectionReport::new(store, "redis", now)
        }));
        reports
    }

    /// Returns the databases of releases that serve, canaries included, with
    /// the names of their plugins.
    pub(in crate::rollout) fn databases(&self) -> Vec<(String, Arc<DatabaseAccess>)> {
        let plugins: Vec<_> = self.live.serving().plugins.values().cloned().collect();
        let releases = plugins.iter().flat_map(|plugin| plugin.releases());
        let databases = releases.filter_map(|release| {
            let database = release.database.clone()?;
            Some((release.manifest.name.clone(), database))
        });
        databases.collect()
    }

    /// Returns the control database.
    pub(in crate::rollout) fn control(&self) -> &Control {
        &self.control
    }

    /// Returns the stores that plugins share.
    pub(in crate::rollout) fn services(&self) -> &Backends {
        &self.services
    }

    /// Warns while the shop's nodes together may open more connections to a
    /// server than it accepts, for as long as this future is polled.
    pub async fn watch(&self, warnings: &NodeWarnings) {
        loop {
            match self.excess().await {
                Ok(Some(text)) => warnings.raise(SUBJECT, text),
                Ok(None) => warnings.clear(SUBJECT),
                Err(error) => tracing::debug!("connections cannot be compared: {error}"),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns a message about a server to which too many connections may be
    /// opened, if there is one.
    async fn excess(&self) -> Result<Option<String>, ControlError> {
        let nodes = self.control.nodes().await?;
        let nodes = nodes.iter().filter(|node| node.is_live()).count().max(1);
        let mut servers: BTreeMap<String, (usize, u64)> = BTreeMap::new();
        for (_, database) in self.databases() {
            // A server that does not answer is reported elsewhere.
            let Ok(Some((server, limit))) = database.server_limit().await else {
                continue;
            };
            let (needed, _) = servers.entry(server).or_insert((0, limit));
            *needed += database.connections().most;
        }
        let own = self.control.server_limit().await?;
        if let Some((server, limit)) = own {
            let (needed, _) = servers.entry(server).or_insert((0, limit));
            *needed += self.control.connections().1.most;
            *needed += self.services.identity().connections().1.most;
        }
        let bound = self.bound.map_or(usize::MAX, |bound| bound as usize);
        let mut servers = servers.into_iter();
        Ok(servers.find_map(|(server, (needed, limit))| {
            told(&server, needed.min(bound) as u64, nodes as u64, limit)
        }))
    }
}

/// Returns a message if `nodes` that open up to `each` connections to a server
/// may exceed its `limit`.
fn told(server: &str, each: u64, nodes: u64, limit: u64) -> Option<String> {
    (each * nodes > limit).then(|| {
        format!(
            "{nodes} live node(s) may open {each} connections each to {server}, and its \
             max_connections is {limit}: raise that, or set database_connections_total to {} or \
             less",
            limit / nodes.max(1)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_many_is_told() {
        assert_eq!(told("db:3306", 50, 3, 151), None);
        let text = told("db:3306", 51, 3, 151).expect("two more than there may be");
        assert!(text.contains("3 live node(s) may open 51"), "{text}");
        assert!(
            text.contains("database_connections_total to 50 or less"),
            "{text}"
        );
    }
}
