//! What one plugin may use, as its instances find it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stores::keyvalue::Bucket;
use stores::limiter::{Limiter, Policy};
use stores::sql::DatabaseAccess;

use crate::egress::http::{HttpClient, Origin};
use crate::egress::mail::Mailer;
use crate::identity::Identity;
use crate::telemetry::counters::Counters;

/// Every key that the manifest asks for, with its value if it is set.
pub type ConfigValues = Arc<BTreeMap<String, Option<String>>>;

/// A plugin's buckets, by name.
pub type Buckets = Arc<BTreeMap<String, Bucket>>;

/// The policies that a plugin counts itself, and who counts.
#[derive(Clone)]
pub struct PluginLimits {
    /// Counts.
    pub limiter: Arc<Limiter>,
    /// The policies, by the names that the manifest gives them.
    pub policies: Arc<BTreeMap<String, Policy>>,
}

/// Where a plugin may call, and with what.
#[derive(Clone)]
pub struct Outbound {
    /// The node's client.
    pub client: Arc<HttpClient>,
    /// What was granted.
    pub origins: Arc<[Origin]>,
}

/// What one plugin may use, ready to be used.
#[derive(Clone, Default)]
pub struct Granted {
    /// Its tables.
    pub database: Option<Arc<DatabaseAccess>>,
    /// Values that the operator set, and secrets that the host made.
    pub config: ConfigValues,
    /// Its buckets.
    pub buckets: Buckets,
    /// What it counts itself.
    pub counters: Counters,
    /// The rate limits that it counts itself.
    pub limits: Option<PluginLimits>,
    /// Where it may call.
    pub outbound: Option<Outbound>,
    /// Sends mail.
    pub mail: Option<Arc<Mailer>>,
    /// Passwords and tokens.
    pub identity: Option<Arc<Identity>>,
    /// Roles of the tokens that it may issue.
    pub token_roles: Arc<BTreeSet<String>>,
}

impl Granted {
    /// What the manifest lacks to grant `import`, if it does not.
    #[must_use]
    pub fn missing_for(&self, import: &str) -> Option<&'static str> {
        let needs = |interface: &str| import.starts_with(interface);
        match () {
            () if needs("edge:platform/sql@") && self.database.is_none() => {
                Some("[grants.database]")
            }
            () if needs("wasi:config/") && self.config.is_empty() => Some("`config` in [grants]"),
            () if needs("wasi:keyvalue/") && self.buckets.is_empty() => Some("[grants.buckets]"),
            () if needs("edge:platform/identity@") && self.identity.is_none() => {
                Some("`identity` in [grants]")
            }
            () if needs("edge:platform/mail@") && self.mail.is_none() => Some("`mail` in [grants]"),
            () if needs("edge:platform/metrics@") && self.counters.is_empty() => Some("[metrics]"),
            () if needs("edge:platform/rate-limit@") && self.limits.is_none() => {
                Some("[[rate-limit]] without a path")
            }
            () => None,
        }
    }
}
