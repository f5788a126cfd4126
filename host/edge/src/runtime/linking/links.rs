//! Plugins as other plugins see them: interfaces that they export and import, and calls of them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use wasmtime::component::Val;
use wasmtime::component::types::ComponentFunc;

use super::exports::{Export, ServiceExports};
use super::grants::CallGrants;
use crate::guest::call::{Call, CallError};

/// Release of a plugin that calls other plugins, or is called by them.
pub trait LinkedPlugin: Send + Sync {
    /// Returns the interfaces that link the plugin to others.
    fn links(&self) -> &ServiceLinks;

    /// Calls a function that the plugin exports. Such a call is not counted in the release's
    /// statistics if the plugin's manifest does not let the caller make it, since a foreign plugin
    /// must not worsen them.
    fn call_service<'a>(
        &'a self,
        call: ServiceCall<'a>,
    ) -> BoxFuture<'a, Result<(), ServiceCallError>>;
}

/// Call of a function of another plugin.
pub struct ServiceCall<'a> {
    /// Context of the call, which names the plugin that makes it.
    pub context: Call,
    /// Interface that the other plugin exports.
    pub interface: &'a str,
    /// Function of the interface.
    pub function: &'a str,
    /// Arguments of the function.
    pub parameters: &'a [Val],
    /// Places for the results of the function.
    pub results: &'a mut [Val],
}

/// Error of a call of another plugin that gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceCallError {
    /// No plugin exports the interface.
    #[error("no plugin exports the interface")]
    NoProvider,
    /// The callee's manifest does not allow the caller.
    #[error("`callers` in [exports] of {provider} does not name the caller")]
    Denied {
        /// Name of the plugin that was called.
        provider: String,
    },
    /// The callee failed, or is busy.
    #[error(transparent)]
    Failed(#[from] CallError),
}

impl ServiceCallError {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NoProvider => "service",
            Self::Denied { .. } => "denied",
            Self::Failed(error) => error.reason(),
        }
    }
}

/// Functions that a plugin exports to other plugins and imports from them, with the grants of its
/// manifest.
pub struct ServiceLinks {
    pub(super) plugin: Arc<str>,
    pub(super) exports: ServiceExports,
    pub(super) imports: Vec<Import>,
    pub(super) grants: CallGrants,
}

/// Function of another plugin that a component imports.
pub(in crate::runtime) struct Import {
    pub(super) interface: Arc<str>,
    pub(super) function: Arc<str>,
    pub(super) signature: ComponentFunc,
    /// Set if the plugin serves without the interface too.
    pub(super) is_optional: bool,
}

impl ServiceLinks {
    pub(in crate::runtime) fn new(
        plugin: Arc<str>,
        exports: ServiceExports,
        imports: Vec<Import>,
        grants: CallGrants,
    ) -> Self {
        Self {
            plugin,
            exports,
            imports,
            grants,
        }
    }

    /// Returns the exported function that `call` is for.
    ///
    /// # Errors
    /// Returns an error if the manifest does not let the caller call it, or if there is no such
    /// function.
    pub(in crate::runtime) fn export(
        &self,
        call: &ServiceCall<'_>,
    ) -> Result<&Export, ServiceCallError> {
        let caller = call.context.calling_plugin.as_deref();
        if !caller.is_some_and(|caller| self.grants.admits(call.interface, caller)) {
            return Err(ServiceCallError::Denied {
                provider: self.plugin.to_string(),
            });
        }
        // Checked when the directory of plugins was published.
        let export = self.exports.find(call.interface, call.function);
        export.ok_or(ServiceCallError::NoProvider)
    }
}
