//! Imports of other plugins' interfaces: every function is bound to the plugin that exports it at
//! the time of the call.

use std::sync::Arc;

use bundle::component::is_service;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, StoreContextMut};

use super::directory::Directory;
use super::error_case::{DENIED, ErrorCase, UNAVAILABLE};
use super::grants::CallGrants;
use super::links::{Import, ServiceCall, ServiceCallError};
use crate::guest::State;
use crate::guest::call::{Call, ServiceFailed};

/// Links the imports of `component` to other plugins, found in `directory` at each call. Only
/// interfaces that the manifest grants are linked, so that no others can be called.
pub(in crate::runtime) fn add_to_linker(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
    calls: &CallGrants,
    directory: &Arc<Directory>,
) -> wasmtime::Result<Vec<Import>> {
    let mut imports = Vec::new();
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        if !is_service(name) || !calls.may_call(name) {
            continue;
        }
        let interface: Arc<str> = name.into();
        let mut functions = linker.instance(name)?;
        for (name, export) in instance.exports(engine) {
            let ComponentItem::ComponentFunc(signature) = export.ty else {
                continue;
            };
            let import = Import {
                interface: interface.clone(),
                function: name.into(),
                signature,
                is_optional: calls.is_optional(&interface),
            };
            let target = Target::new(&import, directory);
            functions.func_new_async(name, move |store, _, parameters, results| {
                Box::new(target.clone().call(store, parameters, results))
            })?;
            imports.push(import);
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

impl Target {
    fn new(import: &Import, directory: &Arc<Directory>) -> Self {
        Self {
            directory: directory.clone(),
            interface: import.interface.clone(),
            function: import.function.clone(),
            unavailable: ErrorCase::find(&import.signature, UNAVAILABLE),
            denied: ErrorCase::find(&import.signature, DENIED),
            is_optional: import.is_optional,
        }
    }

    async fn call(
        self,
        mut store: StoreContextMut<'_, State>,
        parameters: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let call = store.data_mut().call_out()?;
        let log = LogContext::new(&call);
        let answered = match self.directory.find(&self.interface, call.cohort) {
            Some(plugin) => {
                let call = ServiceCall {
                    context: call,
                    interface: &self.interface,
                    function: &self.function,
                    parameters,
                    results: &mut *results,
                };
                plugin.call_service(call).await
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
