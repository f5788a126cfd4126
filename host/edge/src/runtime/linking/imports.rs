//! Imports of other plugins' interfaces: every function is bound to the plugin that exports it at
//! the time of the call.

use std::collections::HashMap;
use std::sync::Arc;

use bundle::component::is_service;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, StoreContextMut};

use super::error_case::{DENIED, ErrorCase, UNAVAILABLE};
use super::exports::{ServiceError, same};
use super::{CallGrants, Directory};
use crate::guest::State;
use crate::guest::call::{Call, CallError, ServiceFailed};
use crate::runtime::Plugin;

/// The functions of other plugins that a component imports.
#[derive(Default)]
pub(in crate::runtime) struct ServiceImports {
    functions: Vec<Import>,
}

struct Import {
    interface: Arc<str>,
    function: Arc<str>,
    signature: ComponentFunc,
    is_optional: bool,
}

impl ServiceImports {
    /// Checks that `providers` export every function that `plugin` imports and requires, with the
    /// same types, and let the plugin call it.
    pub(super) fn check(
        &self,
        plugin: &str,
        providers: &HashMap<&str, &Arc<Plugin>>,
        may_lack: impl Fn(&str) -> bool,
    ) -> Result<(), ServiceError> {
        for import in &self.functions {
            let Some(provider) = providers.get(&*import.interface) else {
                if import.is_optional || may_lack(&import.interface) {
                    continue;
                }
                return Err(ServiceError::Missing {
                    plugin: plugin.to_owned(),
                    interface: import.interface.to_string(),
                });
            };
            let grants = provider.call_grants();
            if !grants.admits(&import.interface, plugin) {
                return Err(ServiceError::Denied {
                    plugin: plugin.to_owned(),
                    interface: import.interface.to_string(),
                    provider: provider.name().to_owned(),
                    callers: grants.list_callers(&import.interface),
                });
            }
            let exports = provider.service_exports();
            let export = exports.find(&import.interface, &import.function);
            if !export.is_some_and(|export| same(&export.signature, &import.signature)) {
                return Err(ServiceError::Mismatch {
                    plugin: plugin.to_owned(),
                    interface: import.interface.to_string(),
                    function: import.function.to_string(),
                    provider: provider.name().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Links the imports of `component` to other plugins, found in `directory` at each call. Only
/// interfaces that the manifest grants are linked, so that no others can be called.
pub(in crate::runtime) fn add_to_linker(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
    calls: &CallGrants,
    directory: &Arc<Directory>,
) -> wasmtime::Result<ServiceImports> {
    let mut imports = ServiceImports::default();
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        if !is_service(name) || !calls.may_call(name) {
            continue;
        }
        let interface: Arc<str> = name.into();
        let is_optional = calls.is_optional(name);
        let mut functions = linker.instance(name)?;
        for (name, export) in instance.exports(engine) {
            let ComponentItem::ComponentFunc(signature) = export.ty else {
                continue;
            };
            let target = Target {
                directory: directory.clone(),
                interface: interface.clone(),
                function: name.into(),
                unavailable: ErrorCase::find(&signature, UNAVAILABLE),
                denied: ErrorCase::find(&signature, DENIED),
                is_optional,
            };
            imports.functions.push(Import {
                interface: interface.clone(),
                function: target.function.clone(),
                signature,
                is_optional,
            });
            functions.func_new_async(name, move |store, _, parameters, results| {
                Box::new(target.clone().call(store, parameters, results))
            })?;
        }
    }
    Ok(imports)
}

/// Function of another plugin, to be called.
#[derive(Clone)]
struct Target {
    directory: Arc<Directory>,
    interface: Arc<str>,
    function: Arc<str>,
    unavailable: Option<ErrorCase>,
    denied: Option<ErrorCase>,
    is_optional: bool,
}

/// Error of a call of another plugin that gave no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::runtime) enum ServiceCallError {
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
    fn reason(&self) -> &'static str {
        match self {
            Self::NoProvider => "service",
            Self::Denied { .. } => "denied",
            Self::Failed(error) => error.reason(),
        }
    }
}

impl Target {
    async fn call(
        self,
        mut store: StoreContextMut<'_, State>,
        parameters: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let call = store.data_mut().call_out()?;
        let log = LogContext::new(&call);
        let answered = match self.directory.find(&self.interface, call.draw) {
            Some(plugin) => {
                let (interface, function) = (&self.interface, &self.function);
                plugin
                    .call_service(call, interface, function, parameters, results)
                    .await
            }
            None => Err(ServiceCallError::NoProvider),
        };
        let Err(error) = answered else { return Ok(()) };
        log.failed(&self, &error);
        let reason = error.reason();
        let is_denied = matches!(error, ServiceCallError::Denied { .. });
        if is_denied {
            // As for any other host call that is not granted.
            store.data().call().demotion.set();
        }
        let denied = self.denied.filter(|_| is_denied);
        match (denied.or(self.unavailable), results) {
            (Some(case), [result]) => {
                *result = case.value(reason);
                Ok(())
            }
            _ => Err(self.failed(reason).into()),
        }
    }

    fn failed(&self, reason: &str) -> ServiceFailed {
        ServiceFailed {
            interface: self.interface.to_string(),
            function: self.function.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Fields of a log line about a call, copied because the call itself has been consumed by then.
struct LogContext {
    request_id: String,
    trace_id: Option<String>,
    caller: Option<Arc<str>>,
}

impl LogContext {
    fn new(call: &Call) -> Self {
        Self {
            request_id: call.id.clone(),
            trace_id: call.trace_id(),
            caller: call.calling_plugin.clone(),
        }
    }

    fn failed(&self, target: &Target, error: &ServiceCallError) {
        if target.is_optional && matches!(error, ServiceCallError::NoProvider) {
            // Not an error: the manifest says that the caller can do without the interface.
            tracing::debug!(
                request_id = self.request_id,
                trace_id = self.trace_id,
                caller = self.caller.as_deref(),
                interface = &*target.interface,
                function = &*target.function,
                "a call between plugins found no plugin to call"
            );
            return;
        }
        tracing::error!(
            request_id = self.request_id,
            trace_id = self.trace_id,
            reason = error.reason(),
            caller = self.caller.as_deref(),
            interface = &*target.interface,
            function = &*target.function,
            "a call between plugins failed: {error}"
        );
    }
}
