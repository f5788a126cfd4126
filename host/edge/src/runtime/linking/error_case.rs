//! How a function tells its caller that the call was not made: by a case of its
//! error, `unavailable` or `denied`, where the interface has one.

use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

/// The case for a plugin that is out of reach, or failed.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// The case for a call that the callee's manifest does not allow.
pub(super) const DENIED: &str = "denied";

/// A case of the error `e` of a function whose result is `result<_, e>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorCase {
    name: &'static str,
    pub(super) form: Form,
}

/// How the interface declares the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A variant's, with a text.
    WithReason,
    /// A variant's, with nothing.
    Bare,
    /// An enum's.
    OfEnum,
}

impl ErrorCase {
    /// The case `name` of functions with this signature, if they have it.
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

    /// The function's result, for this reason.
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
