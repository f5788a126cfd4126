//! Directory of the plugins that currently export each interface.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::check::{MissingImports, ServiceError, check};
use super::links::LinkedPlugin;
use super::provider::Provider;
use crate::guest::Cohort;

/// Entry of the directory. The references are weak because plugins hold the directory through their
/// imports.
struct Entry {
    active: Weak<dyn LinkedPlugin>,
    canary: Option<(Weak<dyn LinkedPlugin>, u8)>,
}

impl Entry {
    fn new(provider: &Provider) -> Self {
        let canary = provider.canary.as_ref();
        Self {
            active: Arc::downgrade(&provider.active),
            canary: canary.map(|(canary, percent)| (Arc::downgrade(canary), *percent)),
        }
    }
}

/// The plugins of a node by the interfaces that they export. All plugins share it, and it is
/// replaced as a whole, so that a call never sees a partial update.
#[derive(Default)]
pub struct Directory {
    providers: ArcSwap<HashMap<String, Entry>>,
}

impl Directory {
    /// Publishes these providers in place of all earlier ones.
    ///
    /// # Errors
    /// Returns the errors of [`check`], and leaves the directory unchanged then.
    pub fn publish(
        &self,
        providers: &[Provider],
        missing: MissingImports<'_>,
    ) -> Result<(), ServiceError> {
        check(providers, missing)?;
        let mut entries = HashMap::new();
        for provider in providers {
            let interfaces = provider.active.links().exports.interfaces();
            let entry = |interface: &str| (interface.to_owned(), Entry::new(provider));
            entries.extend(interfaces.map(entry));
        }
        self.providers.store(Arc::new(entries));
        Ok(())
    }

    /// Returns the release that exports `interface` to clients of this cohort.
    pub(super) fn find(&self, interface: &str, cohort: Cohort) -> Option<Arc<dyn LinkedPlugin>> {
        let providers = self.providers.load();
        let entry = providers.get(interface)?;
        let canary = match &entry.canary {
            Some((plugin, percent)) if cohort.is_within(*percent) => plugin.upgrade(),
            _ => None,
        };
        canary.or_else(|| entry.active.upgrade())
    }
}
