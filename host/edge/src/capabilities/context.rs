//! `edge:platform/context`: request id, caller and remaining time of the current call.

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::context::{Context, Host};
use crate::guest::State;

/// Adds `edge:platform/context` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::context::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn current(&mut self) -> wasmtime::Result<Context> {
        let call = self.call();
        Ok(Context {
            request_id: call.id.clone(),
            caller: call.caller.clone(),
            deadline_ms: u32::try_from(call.left().as_millis()).unwrap_or(u32::MAX),
        })
    }

    async fn calling_plugin(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.call().calling_plugin.as_deref().map(str::to_owned))
    }
}
