//! Which plugin answers for which interface, right now.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::exports::ServiceError;
use crate::runtime::Plugin;

type Providers = HashMap<String, Weak<Plugin>>;

/// The plugins of a node, by the interfaces they export. Shared by all, and
/// replaced as a whole: a call finds one plugin or the other, never half.
#[derive(Default)]
pub struct Directory {
    // Weak: plugins hold the directory, through what they import.
    providers: ArcSwap<Providers>,
}

impl Directory {
    /// Let these plugins answer from now on, and no others.
    ///
    /// # Errors
    /// When two plugins export the same interface, or one imports what none
    /// exports, or what another exports with other types. The directory is
    /// unchanged then.
    pub fn publish(&self, plugins: &[Arc<Plugin>]) -> Result<(), ServiceError> {
        let mut providers: HashMap<&str, &Arc<Plugin>> = HashMap::new();
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
            plugin.service_imports().check(plugin.name(), &providers)?;
        }
        let providers = providers
            .into_iter()
            .map(|(interface, plugin)| (interface.to_owned(), Arc::downgrade(plugin)));
        self.providers.store(Arc::new(providers.collect()));
        Ok(())
    }

    pub(super) fn find(&self, interface: &str) -> Option<Arc<Plugin>> {
        self.providers.load().get(interface)?.upgrade()
    }
}
