//! Interfaces that a plugin exports for other plugins.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

/// Interfaces that a component exports for other plugins, with their functions.
pub(in crate::runtime) struct ServiceExports {
    interfaces: BTreeMap<String, BTreeMap<String, Export>>,
}

/// Function of an exported interface.
pub(in crate::runtime) struct Export {
    pub(in crate::runtime) index: ComponentExportIndex,
    signature: ComponentFunc,
}

impl ServiceExports {
    /// Looks up every function of the `interfaces` that `component` exports.
    pub(in crate::runtime) fn new(
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

    /// Returns the names of the interfaces.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.interfaces.keys().map(String::as_str)
    }

    /// Returns the function of this name, if it is exported.
    pub(super) fn find(&self, interface: &str, function: &str) -> Option<&Export> {
        self.interfaces.get(interface)?.get(function)
    }
}

impl Export {
    /// Returns whether a caller that was built for `signature` can call the function. Types have to
    /// be equal; names of parameters are ignored.
    pub(super) fn accepts(&self, signature: &ComponentFunc) -> bool {
        is_same(&self.signature, signature)
    }
}

fn is_same(one: &ComponentFunc, other: &ComponentFunc) -> bool {
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
            assert!(is_same(&one, &signature(&engine, text)), "{text}");
        }
        let other_types = [
            "(param \"id\" u64) (result string)",
            "(param \"id\" s64)",
            "(result string)",
            "(param \"id\" s64) (param \"also\" s64) (result string)",
            "(param \"id\" s64) (result (option string))",
        ];
        for text in other_types {
            assert!(!is_same(&one, &signature(&engine, text)), "{text}");
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
