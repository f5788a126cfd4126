//! What a plugin asks of others: every function of its imported interfaces,
//! bound to whoever exports it at the time of the call.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, StoreContextMut};

use super::Directory;
use super::exports::{ServiceError, same};
use super::unavailable::Unavailable;
use crate::runtime::call::{CallError, ServiceFailed};
use crate::runtime::inspect::is_service;
use crate::runtime::{Plugin, State};

/// The functions of other plugins that a component imports.
#[derive(Default)]
pub(in crate::runtime) struct ServiceImports {
    functions: Vec<Import>,
}

struct Import {
    interface: Arc<str>,
    function: Arc<str>,
    signature: ComponentFunc,
}

impl ServiceImports {
    /// Check that `providers` offer everything that `plugin` imports and may
    /// not lack.
    pub(super) fn check(
        &self,
        plugin: &str,
        providers: &HashMap<&str, &Arc<Plugin>>,
        may_lack: impl Fn(&str) -> bool,
    ) -> Result<(), ServiceError> {
        for import in &self.functions {
            let Some(provider) = providers.get(&*import.interface) else {
                if may_lack(&import.interface) {
                    continue;
                }
                return Err(ServiceError::Missing {
                    plugin: plugin.to_owned(),
                    interface: import.interface.to_string(),
                });
            };
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

/// Let `component` call other plugins through `directory`.
pub(in crate::runtime) fn add_to_linker(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
    directory: &Arc<Directory>,
) -> wasmtime::Result<ServiceImports> {
    let mut imports = ServiceImports::default();
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        if !is_service(name) {
            continue;
        }
        let interface: Arc<str> = name.into();
        let mut functions = linker.instance(name)?;
        for (name, export) in instance.exports(engine) {
            let ComponentItem::ComponentFunc(signature) = export.ty else {
                continue;
            };
            let target = Target {
                directory: directory.clone(),
                interface: interface.clone(),
                function: name.into(),
                unavailable: Unavailable::of(&signature),
            };
            imports.functions.push(Import {
                interface: interface.clone(),
                function: target.function.clone(),
                signature,
            });
            functions.func_new_async(name, move |store, _, parameters, results| {
                Box::new(target.clone().call(store, parameters, results))
            })?;
        }
    }
    Ok(imports)
}

/// One function of another plugin.
#[derive(Clone)]
struct Target {
    directory: Arc<Directory>,
    interface: Arc<str>,
    function: Arc<str>,
    unavailable: Option<Unavailable>,
}

impl Target {
    async fn call(
        self,
        mut store: StoreContextMut<'_, State>,
        parameters: &[Val],
        results: &mut [Val],
    ) -> wasmtime::Result<()> {
        let call = store.data_mut().call_out()?;
        let (request_id, trace_id) = (call.id.clone(), call.trace_id());
        let answered = match self.directory.find(&self.interface, call.draw) {
            Some(plugin) => {
                let (interface, function) = (&self.interface, &self.function);
                plugin
                    .call_service(call, interface, function, parameters, results)
                    .await
            }
            None => Err(CallError::Service(
                self.failed("no plugin exports the interface"),
            )),
        };
        let Err(error) = answered else { return Ok(()) };
        let reason = error.reason();
        tracing::error!(
            request_id,
            trace_id,
            reason,
            interface = &*self.interface,
            function = &*self.function,
            "a call between plugins failed: {error}"
        );
        match (self.unavailable.as_ref(), results) {
            (Some(unavailable), [result]) => {
                *result = unavailable.value(reason);
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
