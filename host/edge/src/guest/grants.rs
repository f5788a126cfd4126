//! Grants of one plugin, resolved to the stores and clients that its instances use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stores::keyvalue::Bucket;
use stores::limiter::{Limiter, Policy};
use stores::sql::DatabaseAccess;

use crate::egress::http::{HttpClient, Origin};
use crate::egress::mail::Mailer;
use crate::identity::Identity;
use crate::telemetry::counters::Counters;

/// Configuration keys that the manifest asks for, each with its value; `None` if it is not set.
pub type ConfigValues = Arc<BTreeMap<String, Option<String>>>;

/// Buckets of a plugin, by name.
pub type Buckets = Arc<BTreeMap<String, Bucket>>;

/// Rate limit policies that a plugin applies by `edge:platform/rate-limit`, with the limiter that
/// counts.
#[derive(Clone)]
pub struct PluginLimits {
    /// Limiter that counts requests.
    pub limiter: Arc<Limiter>,
    /// Policies by the names that the manifest gives them.
    pub policies: Arc<BTreeMap<String, Policy>>,
}

/// Grant of outgoing HTTP calls.
#[derive(Clone)]
pub struct Outbound {
    /// HTTP client of the node.
    pub client: Arc<HttpClient>,
    /// Origins that the manifest grants.
    pub origins: Arc<[Origin]>,
}

/// Grants of one plugin, resolved to the stores and clients that its instances use.
#[derive(Clone, Default)]
pub struct Granted {
    /// Access to the granted tables; `None` without the grant.
    pub database: Option<Arc<DatabaseAccess>>,
    /// Values that the operator set, and secrets that the host generated.
    pub config: ConfigValues,
    /// Buckets that the manifest grants.
    pub buckets: Buckets,
    /// Counters that the manifest declares.
    pub counters: Counters,
    /// Rate limits without a path, which the plugin applies itself; `None` if there are none.
    pub limits: Option<PluginLimits>,
    /// Grant of outgoing HTTP calls; `None` without it.
    pub outbound: Option<Outbound>,
    /// Client for sending mail; `None` without the grant.
    pub mail: Option<Arc<Mailer>>,
    /// Passwords and tokens; `None` without the grant.
    pub identity: Option<Arc<Identity>>,
    /// Roles of the tokens that the plugin may issue.
    pub token_roles: Arc<BTreeSet<String>>,
}

impl Granted {
    /// Returns the key that the manifest lacks to grant `import`; `None` if it is granted, or needs
    /// no grant checked here.
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
