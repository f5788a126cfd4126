//! `edge:platform/request`: header fields and client of the request that the plugin answers.

use http::{HeaderName, HeaderValue};
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::request::Host;
use crate::guest::{State, Unshareable};

/// Adds `edge:platform/request` to the linker.
///
/// # Errors
/// Returns an error if the linker has the interface already.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::bindings::request::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl Host for State {
    async fn headers(&mut self, name: String) -> wasmtime::Result<Vec<String>> {
        // No request has a field whose name is none.
        let Ok(name) = HeaderName::try_from(name) else {
            return Ok(Vec::new());
        };
        self.call().ledger.note_field(&name);
        let values = self.call().headers.get_all(&name).iter();
        Ok(values.map(text).collect())
    }

    async fn all_headers(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.call().ledger.note_unshareable(Unshareable::AllFields);
        let fields = self.call().headers.iter();
        let fields = fields.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Ok(fields.collect())
    }

    async fn client_address(&mut self) -> wasmtime::Result<String> {
        self.call()
            .ledger
            .note_unshareable(Unshareable::ClientAddress);
        let client = self.call().client;
        Ok(client.map(|client| client.to_string()).unwrap_or_default())
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
