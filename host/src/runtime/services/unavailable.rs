//! How a function says that its plugin is out of reach: by the case
//! `unavailable` of its error, where the interface has one.

use wasmtime::component::Val;
use wasmtime::component::types::{ComponentFunc, Type};

const CASE: &str = "unavailable";

/// The error value of a function whose result is `result<_, e>`, where `e` is
/// a variant with the case `unavailable(string)` or `unavailable`, or an enum
/// with the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unavailable {
    WithReason,
    Bare,
    OfEnum,
}

impl Unavailable {
    /// How functions of this signature say it, if they can.
    pub(super) fn of(signature: &ComponentFunc) -> Option<Self> {
        let Some(Type::Result(result)) = signature.results().next() else {
            return None;
        };
        match result.err()? {
            Type::Variant(error) => {
                let case = error.cases().find(|case| case.name == CASE)?;
                match case.ty {
                    None => Some(Self::Bare),
                    Some(Type::String) => Some(Self::WithReason),
                    Some(_) => None,
                }
            }
            Type::Enum(error) => error
                .names()
                .any(|name| name == CASE)
                .then_some(Self::OfEnum),
            _ => None,
        }
    }

    /// The function's result, for this reason.
    pub(super) fn value(self, reason: &str) -> Val {
        let reason = || Box::new(Val::String(reason.to_owned()));
        let error = match self {
            Self::WithReason => Val::Variant(CASE.to_owned(), Some(reason())),
            Self::Bare => Val::Variant(CASE.to_owned(), None),
            Self::OfEnum => Val::Enum(CASE.to_owned()),
        };
        Val::Result(Err(Some(Box::new(error))))
    }
}
