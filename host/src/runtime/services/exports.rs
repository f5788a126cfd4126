//! What a plugin offers to others.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

/// Plugins that do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ServiceError {
    /// Nobody could tell which one answers.
    #[error("the interface {interface} is exported by both {first} and {second}")]
    Twice {
        /// The interface.
        interface: String,
        /// A plugin that exports it.
        first: String,
        /// Another.
        second: String,
    },
    /// Every call would fail.
    #[error("plugin {plugin} imports {interface}, which no plugin exports")]
    Missing {
        /// The plugin that imports it.
        plugin: String,
        /// The interface.
        interface: String,
    },
    /// Some calls would fail.
    #[error(
        "plugin {plugin} imports {function} of {interface}, which {provider} does not export \
         with these types"
    )]
    Mismatch {
        /// The plugin that imports it.
        plugin: String,
        /// The interface.
        interface: String,
        /// The function at fault.
        function: String,
        /// The plugin that exports the interface.
        provider: String,
    },
}

/// The interfaces that a component exports for other plugins.
pub(in crate::runtime) struct ServiceExports {
    interfaces: BTreeMap<String, BTreeMap<String, Export>>,
}

/// One function.
pub(in crate::runtime) struct Export {
    pub(in crate::runtime) index: ComponentExportIndex,
    pub(super) signature: ComponentFunc,
}

impl ServiceExports {
    /// Look up every function of the `interfaces` that `component` exports.
    pub(in crate::runtime) fn of(
        engine: &Engine,
        component: &Component,
        interfaces: &[String],
    ) -> Self {
        let functions = |interface: &String| {
            let (item, parent) = component.get_export(None, interface.as_str())?;
            let ComponentItem::ComponentInstance(instance) = item else {
                return None;
            };
            let exports = instance.exports(engine).filter_map(|(name, export)| {
                let ComponentItem::ComponentFunc(signature) = export.ty else {
                    return None;
                };
                let index = component.get_export_index(Some(&parent), name)?;
                Some((name.to_owned(), Export { index, signature }))
            });
            Some((interface.clone(), exports.collect()))
        };
        Self {
            interfaces: interfaces.iter().filter_map(functions).collect(),
        }
    }

    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.interfaces.keys().map(String::as_str)
    }

    pub(in crate::runtime) fn find(&self, interface: &str, function: &str) -> Option<&Export> {
        self.interfaces.get(interface)?.get(function)
    }
}

/// Whether a caller that knows the one signature can call the other: names of
/// parameters do not matter, types do.
pub(super) fn same(one: &ComponentFunc, other: &ComponentFunc) -> bool {
    let parameters = |signature: &ComponentFunc| -> Vec<Type> {
        signature.params().map(|(_, parameter)| parameter).collect()
    };
    parameters(one) == parameters(other) && one.results().eq(other.results())
}
