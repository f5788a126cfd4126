//! Check that the plugins of a node can call each other: what they import is exported, with equal
//! types, and granted.

use std::collections::HashMap;
use std::sync::Arc;

use super::links::{Import, LinkedPlugin, ServiceLinks};
use super::provider::Provider;

/// Error of plugins whose imports and exports do not match.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ServiceError {
    /// Two plugins export the same interface, so the callee would be ambiguous.
    #[error("the interface {interface} is exported by both {first} and {second}")]
    Twice {
        /// Name of the interface.
        interface: String,
        /// Plugin that exports the interface.
        first: String,
        /// Another plugin that exports it.
        second: String,
    },
    /// No plugin exports an imported interface, so every call would fail.
    #[error("plugin {plugin} imports {interface}, which no plugin exports")]
    Missing {
        /// Plugin that imports the interface.
        plugin: String,
        /// Name of the interface.
        interface: String,
    },
    /// The manifest of the exporting plugin does not allow the importing one, so every call would
    /// be denied.
    #[error(
        "plugin {plugin} imports {interface}, but `callers` in [exports] of {provider} does not \
         name {plugin}: it names {callers}"
    )]
    Denied {
        /// Plugin that imports the interface.
        plugin: String,
        /// Name of the interface.
        interface: String,
        /// Plugin that exports the interface.
        provider: String,
        /// Plugins that may call the interface, separated by commas.
        callers: String,
    },
    /// A function is missing or has other types, so calls of it would fail.
    #[error(
        "plugin {plugin} imports {function} of {interface}, which {provider} does not export \
         with these types"
    )]
    Mismatch {
        /// Plugin that imports the function.
        plugin: String,
        /// Name of the interface.
        interface: String,
        /// Name of the function.
        function: String,
        /// Plugin that exports the interface.
        provider: String,
    },
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
    fn allows(self, interface: &str) -> bool {
        let Self::Since(before) = self else {
            return false;
        };
        !before.iter().any(|provider| {
            let mut interfaces = provider.active.links().exports.interfaces();
            interfaces.any(|exported| exported == interface)
        })
    }
}

/// Checks that the plugins' imports and exports match: without canaries, with any single canary in
/// place of its active release, and with all canaries.
///
/// # Errors
/// Returns an error if two plugins export the same interface, or if a plugin imports an interface
/// that no plugin exports and `missing` does not allow, that another plugin exports with other
/// types, or that another plugin's manifest does not let it call.
pub fn check(providers: &[Provider], missing: MissingImports<'_>) -> Result<(), ServiceError> {
    check_releases(providers.iter().map(|one| &one.active), missing)?;
    check_releases(providers.iter().map(Provider::newest), missing)?;
    for canary in providers.iter().filter(|one| one.canary.is_some()) {
        let with_one = providers.iter().map(|one| match std::ptr::eq(one, canary) {
            true => one.newest(),
            false => &one.active,
        });
        check_releases(with_one, missing)?;
    }
    Ok(())
}

type Exporters<'a> = HashMap<&'a str, &'a ServiceLinks>;

fn check_releases<'a>(
    releases: impl Iterator<Item = &'a Arc<dyn LinkedPlugin>>,
    missing: MissingImports<'_>,
) -> Result<(), ServiceError> {
    let releases: Vec<&ServiceLinks> = releases.map(|release| release.links()).collect();
    let mut exporters = Exporters::new();
    for links in &releases {
        for interface in links.exports.interfaces() {
            if let Some(other) = exporters.insert(interface, links) {
                return Err(ServiceError::Twice {
                    interface: interface.to_owned(),
                    first: other.plugin.to_string(),
                    second: links.plugin.to_string(),
                });
            }
        }
    }
    for links in releases {
        for import in &links.imports {
            check_import(&links.plugin, import, &exporters, missing)?;
        }
    }
    Ok(())
}

/// Checks that one of `exporters` exports the function that `plugin` imports, if the plugin
/// requires it, with the same types, and lets the plugin call it.
fn check_import(
    plugin: &str,
    import: &Import,
    exporters: &Exporters<'_>,
    missing: MissingImports<'_>,
) -> Result<(), ServiceError> {
    let interface = &import.interface;
    let Some(provider) = exporters.get(&**interface) else {
        if import.is_optional || missing.allows(interface) {
            return Ok(());
        }
        return Err(ServiceError::Missing {
            plugin: plugin.to_owned(),
            interface: interface.to_string(),
        });
    };
    if !provider.grants.admits(interface, plugin) {
        return Err(ServiceError::Denied {
            plugin: plugin.to_owned(),
            interface: interface.to_string(),
            provider: provider.plugin.to_string(),
            callers: provider.grants.list_callers(interface),
        });
    }
    let export = provider.exports.find(interface, &import.function);
    if !export.is_some_and(|export| export.accepts(&import.signature)) {
        return Err(ServiceError::Mismatch {
            plugin: plugin.to_owned(),
            interface: interface.to_string(),
            function: import.function.to_string(),
            provider: provider.plugin.to_string(),
        });
    }
    Ok(())
}
