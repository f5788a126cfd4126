//! Which plugin answers for which interface, right now.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::exports::ServiceError;
use crate::guest::Cohort;
use crate::runtime::Plugin;

/// A plugin that serves, and perhaps its next release on trial.
#[derive(Clone)]
pub struct Provider {
    /// Who answers.
    pub active: Arc<Plugin>,
    /// Who answers some clients instead, and of a hundred how many.
    pub trial: Option<(Arc<Plugin>, u8)>,
}

/// The same, as others find it. Weak: plugins hold the directory, through
/// what they import.
struct Entry {
    active: Weak<Plugin>,
    trial: Option<(Weak<Plugin>, u8)>,
}

/// The plugins of a node, by the interfaces they export. Shared by all, and
/// replaced as a whole: a call finds one plugin or the other, never half.
#[derive(Default)]
pub struct Directory {
    providers: ArcSwap<HashMap<String, Entry>>,
}

type ByInterface<'a> = HashMap<&'a str, &'a Arc<Plugin>>;

impl Directory {
    /// Let these plugins answer from now on, and no others.
    ///
    /// # Errors
    /// As [`check`]. The directory is unchanged then.
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

/// What becomes of an import that no plugin exports.
#[derive(Clone, Copy)]
pub enum MissingImports<'a> {
    /// It is an error.
    Refused,
    /// It is one only if one of these plugins exports it, which are to be
    /// replaced: nothing may be taken away from who needs it. What was never
    /// there may come later, as it must where two plugins call each other;
    /// calls of it fail until then.
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

/// Check that these plugins fit together: without their trials, with any one
/// of these in its place, and with all.
///
/// # Errors
/// When two plugins export the same interface, or one imports what none
/// exports and `gaps` do not allow for, what another exports with other types,
/// or what another does not let it call.
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
