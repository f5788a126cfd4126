//! `wasi:config`: settings of the operator for the plugin, and secrets that the host generated for
//! it.

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::config::{Error, Host};
use crate::guest::State;

/// Adds `wasi:config/store` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::config::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        let answer = match self.granted().config.get(&key) {
            Some(value) => Ok(value.clone()),
            None => Err(Error::Upstream(format!(
                "the manifest does not ask for {key}"
            ))),
        };
        Ok(answer)
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        let set = self.granted().config.iter();
        let values = set.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        Ok(Ok(values.collect()))
    }
}
