//! Directory of the plugins that currently export each interface.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::exports::ServiceError;
use crate::guest::Cohort;
use crate::runtime::Plugin;

/// An active release of a plugin, and its canary if there is one.
#[derive(Clone)]
pub struct Provider {
    /// Release that answers.
    pub active: Arc<Plugin>,
    /// Canary release, and the percentage of clients that it answers.
    pub trial: Option<(Arc<Plugin>, u8)>,
}

/// Entry of the directory. The references are weak because plugins hold the directory through their
/// imports.
struct Entry {
    active: Weak<Plugin>,
    trial: Option<(Weak<Plugin>, u8)>,
}

/// The plugins of a node by the interfaces that they export. All plugins share it, and it is
/// replaced as a whole, so that a call never sees a partial update.
#[derive(Default)]
pub struct Directory {
    providers: ArcSwap<HashMap<String, Entry>>,
}

type ByInterface<'a> = HashMap<&'a str, &'a Arc<Plugin>>;

impl Directory {
    /// Publishes these providers in place of all earlier ones.
    ///
    /// # Errors
    /// Returns the errors of [`check`], and leaves the directory unchanged then.
    pub fn publish(
        &self,
        providers: &[Provider],
        gaps: MissingImports<'_>,
    ) -> Result<(), ServiceError> {
        check(providers, gaps)?;
        let mut entries = HashMap::new();
        for provider in providers {
            let trial = provider.trial.as_ref();
            let interfaces = provider.active.service_exports().interfaces();
            let entry = || Entry {
                active: Arc::downgrade(&provider.active),
                trial: trial.map(|(plugin, percent)| (Arc::downgrade(plugin), *percent)),
            };
            entries.extend(interfaces.map(|interface| (interface.to_owned(), entry())));
        }
        self.providers.store(Arc::new(entries));
        Ok(())
    }

    pub(super) fn find(&self, interface: &str, draw: Cohort) -> Option<Arc<Plugin>> {
        let providers = self.providers.load();
        let entry = providers.get(interface)?;
        let on_trial = match &entry.trial {
            Some((plugin, percent)) if draw.is_within(*percent) => plugin.upgrade(),
            _ => None,
        };
        on_trial.or_else(|| entry.active.upgrade())
    }
}

/// Policy for imports that no plugin exports.
#[derive(Clone, Copy)]
pub enum MissingImports<'a> {
    /// A missing import is an error.
    Refused,
    /// A missing import is an error only if one of these providers, which are to be replaced,
    /// exports it: no interface may be removed that a plugin needs. One that was never exported may
    /// be added later, as it must where two plugins import each other; calls of it fail until then.
    Since(&'a [Provider]),
}

impl MissingImports<'_> {
    fn may_lack(self, interface: &str) -> bool {
        let Self::Since(before) = self else {
            return false;
        };
        let exports = |plugin: &Plugin| {
            plugin
                .service_exports()
                .interfaces()
                .any(|i| i == interface)
        };
        !before.iter().any(|provider| exports(&provider.active))
    }
}

/// Checks that the plugins' imports and exports match: without canaries, with any single canary in
/// place of its active release, and with all canaries.
///
/// # Errors
/// Returns an error if two plugins export the same interface, or if a plugin imports an interface
/// that no plugin exports and `gaps` does not allow, that another plugin exports with other types,
/// or that another plugin's manifest does not let it call.
pub fn check(providers: &[Provider], gaps: MissingImports<'_>) -> Result<(), ServiceError> {
    let active = |provider: &Provider| provider.active.clone();
    let newest = |provider: &Provider| match &provider.trial {
        Some((plugin, _)) => plugin.clone(),
        None => provider.active.clone(),
    };
    check_set(&providers.iter().map(active).collect::<Vec<_>>(), gaps)?;
    check_set(&providers.iter().map(newest).collect::<Vec<_>>(), gaps)?;
    for one in providers.iter().filter(|provider| provider.trial.is_some()) {
        let with_one = providers.iter().map(|provider| {
            if std::ptr::eq(provider, one) {
                newest(provider)
            } else {
                active(provider)
            }
        });
        check_set(&with_one.collect::<Vec<_>>(), gaps)?;
    }
    Ok(())
}

fn check_set(plugins: &[Arc<Plugin>], gaps: MissingImports<'_>) -> Result<(), ServiceError> {
    let mut providers = ByInterface::new();
    for plugin in plugins {
        for interface in plugin.service_exports().interfaces() {
            if let Some(other) = providers.insert(interface, plugin) {
                return Err(ServiceError::Twice {
                    interface: interface.to_owned(),
                    first: other.name().to_owned(),
                    second: plugin.name().to_owned(),
                });
            }
        }
    }
    for plugin in plugins {
        let may_lack = |interface: &str| gaps.may_lack(interface);
        let imports = plugin.service_imports();
        imports.check(plugin.name(), &providers, may_lack)?;
    }
    Ok(())
}
