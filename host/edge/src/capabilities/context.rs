//! `edge:platform/context`: caller, request id and remaining time of the current call.

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::context::{Caller, Host};
use crate::guest::{State, Unshareable};

/// Adds `edge:platform/context` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::context::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn get_caller(&mut self) -> wasmtime::Result<Caller> {
        self.call().ledger.note_caller();
        Ok(self.call().caller.clone())
    }

    async fn request_id(&mut self) -> wasmtime::Result<String> {
        self.call().ledger.note_unshareable(Unshareable::RequestId);
        Ok(self.call().id.clone())
    }

    async fn time_left_ms(&mut self) -> wasmtime::Result<u32> {
        self.call().ledger.note_unshareable(Unshareable::TimeLeft);
        Ok(u32::try_from(self.call().left().as_millis()).unwrap_or(u32::MAX))
    }

    async fn calling_plugin(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.call().calling_plugin.as_deref().map(str::to_owned))
    }
}
