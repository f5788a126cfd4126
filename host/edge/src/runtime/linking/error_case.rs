//! Error values by which a call between plugins reports that it was not made: the case
//! `unavailable` or `denied` of the function's error type, where the interface declares one.

use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

/// Name of the error case for a plugin that is unavailable, or failed.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// Name of the error case for a call that the callee's manifest does not allow.
pub(super) const DENIED: &str = "denied";

/// Case of the error type `e` of a function whose result is `result<_, e>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorCase {
    name: &'static str,
    pub(super) form: Form,
}

/// Kind of declaration of an error case in the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A case of a variant, with a string as payload.
    WithReason,
    /// A case of a variant, without payload.
    Bare,
    /// A case of an enum.
    OfEnum,
}

impl ErrorCase {
    /// Returns the error case `name` of functions with this signature, if there is one.
    pub(super) fn find(signature: &ComponentFunc, name: &'static str) -> Option<Self> {
        let Some(Type::Result(result)) = signature.results().next() else {
            return None;
        };
        let form = match result.err()? {
            Type::Variant(error) => {
                let case = error.cases().find(|case| case.name == name)?;
                match case.ty {
                    None => Form::Bare,
                    Some(Type::String) => Form::WithReason,
                    Some(_) => return None,
                }
            }
            Type::Enum(error) => error
                .names()
                .any(|case| case == name)
                .then_some(Form::OfEnum)?,
            _ => return None,
        };
        Some(Self { name, form })
    }

    /// Returns the function's result for this reason, which is left out where the case has no
    /// payload.
    pub(super) fn value(self, reason: &str) -> Val {
        let name = self.name.to_owned();
        let error = match self.form {
            Form::WithReason => Val::Variant(name, Some(Box::new(Val::String(reason.to_owned())))),
            Form::Bare => Val::Variant(name, None),
            Form::OfEnum => Val::Enum(name),
        };
        Val::Result(Err(Some(Box::new(error))))
    }
}
