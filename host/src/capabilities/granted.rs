//! What one plugin may use, as its instances find it.

use std::sync::Arc;

use super::config::ConfigValues;
use super::keyvalue::Buckets;
use super::rate_limit::PluginLimits;
use crate::stores::sql::DatabaseAccess;

/// What one plugin may use, ready to be used.
#[derive(Clone, Default)]
pub struct Granted {
    /// Its tables.
    pub database: Option<Arc<DatabaseAccess>>,
    /// Values that the operator set, and secrets that the host made.
    pub config: ConfigValues,
    /// Its buckets.
    pub buckets: Buckets,
    /// The rate limits that it counts itself.
    pub limits: Option<PluginLimits>,
}

impl Granted {
    /// The manifest's table that would grant `import`, if it does not.
    #[must_use]
    pub fn missing_for(&self, import: &str) -> Option<&'static str> {
        let needs = |interface: &str| import.starts_with(interface);
        match () {
            () if needs("edge:platform/sql@") && self.database.is_none() => Some("grants.database"),
            () if needs("wasi:config/") && self.config.is_empty() => Some("grants] config"),
            () if needs("wasi:keyvalue/") && self.buckets.is_empty() => Some("grants.buckets"),
            () if needs("edge:platform/rate-limit@") && self.limits.is_none() => {
                Some("[rate-limit]")
            }
            () => None,
        }
    }
}
