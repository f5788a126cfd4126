//! `edge:platform/metrics`: counters that the manifest declares.

use wasmtime::component::{HasSelf, Linker};

use super::host_call_limit::ok_or_answer;
use crate::bindings::metrics::{Error, Host};
use crate::guest::{State, Unshareable};

/// Adds `edge:platform/metrics` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::metrics::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn add(
        &mut self,
        name: String,
        labels: Vec<(String, String)>,
        n: u64,
    ) -> wasmtime::Result<Result<(), Error>> {
        ok_or_answer!(self.count_host_call());
        self.call().ledger.note_unshareable(Unshareable::Metric);
        let Some(counter) = self.granted().counters.get(&name) else {
            let denied = format!("the manifest has no [metrics.{name}]");
            return Ok(Err(Error::Denied(denied)));
        };
        let counted = counter.add(&labels, n);
        Ok(counted.map_err(|error| Error::Denied(format!("{name}: {error}"))))
    }
}
