//! Interfaces that a plugin exports for other plugins.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

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

/// Interfaces that a component exports for other plugins, with their functions.
pub(in crate::runtime) struct ServiceExports {
    interfaces: BTreeMap<String, BTreeMap<String, Export>>,
}

/// Function of an exported interface.
pub(in crate::runtime) struct Export {
    pub(in crate::runtime) index: ComponentExportIndex,
    pub(super) signature: ComponentFunc,
}

impl ServiceExports {
    /// Looks up every function of the `interfaces` that `component` exports.
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

/// Returns whether a caller that was built for one signature can call the other. Types have to be
/// equal; names of parameters are ignored.
pub(super) fn same(one: &ComponentFunc, other: &ComponentFunc) -> bool {
    let parameters = |signature: &ComponentFunc| -> Vec<Type> {
        signature.params().map(|(_, parameter)| parameter).collect()
    };
    parameters(one) == parameters(other) && one.results().eq(other.results())
}

#[cfg(test)]
mod tests {
    use super::super::error_case::{ErrorCase, Form};
    use super::*;

    /// Returns the type of a function, given in the WebAssembly text format.
    fn signature(engine: &Engine, text: &str) -> ComponentFunc {
        let text = format!(
            "(component
                (type $bare (variant (case \"unknown\" s64) (case \"unavailable\")))
                (type $told (variant (case \"unknown\" s64) (case \"unavailable\" string)))
                (type $number (variant (case \"unavailable\" u8)))
                (type $enum (enum \"unknown\" \"unavailable\"))
                (import \"bare\" (type $bare-t (eq $bare)))
                (import \"told\" (type $told-t (eq $told)))
                (import \"number\" (type $number-t (eq $number)))
                (import \"enum\" (type $enum-t (eq $enum)))
                (import \"f\" (func {text})))"
        );
        let wasm = wat::parse_str(text).expect("a component");
        let component = Component::from_binary(engine, &wasm).expect("a component");
        match component.component_type().get_import(engine, "f") {
            Some(import) => match import.ty {
                ComponentItem::ComponentFunc(signature) => signature,
                other => panic!("{other:?}"),
            },
            None => panic!("no import"),
        }
    }

    #[test]
    fn callers_and_callees_agree_on_types_and_not_on_names() {
        let engine = Engine::default();
        let one = signature(&engine, "(param \"id\" s64) (result string)");
        let same_types = [
            "(param \"id\" s64) (result string)",
            "(param \"number\" s64) (result string)",
        ];
        for text in same_types {
            assert!(same(&one, &signature(&engine, text)), "{text}");
        }
        let other_types = [
            "(param \"id\" u64) (result string)",
            "(param \"id\" s64)",
            "(result string)",
            "(param \"id\" s64) (param \"also\" s64) (result string)",
            "(param \"id\" s64) (result (option string))",
        ];
        for text in other_types {
            assert!(!same(&one, &signature(&engine, text)), "{text}");
        }
    }

    #[test]
    fn only_an_error_with_a_case_for_it_says_unavailable() {
        let engine = Engine::default();
        let form = |text: &str| {
            let case = ErrorCase::find(&signature(&engine, text), "unavailable");
            case.map(|case| case.form)
        };
        let cases = [
            ("(result (result (error $told-t)))", Some(Form::WithReason)),
            ("(result (result string (error $bare-t)))", Some(Form::Bare)),
            ("(result (result (error $enum-t)))", Some(Form::OfEnum)),
            ("(result (result (error $number-t)))", None),
            ("(result (result (error string)))", None),
            ("(result (result string))", None),
            ("(result string)", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(form(text), expected, "{text}");
        }
    }
}
