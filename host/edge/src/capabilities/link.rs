//! Linker with all interfaces that the host provides to components.

use bundle::component::HandlerKind;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::guest::State;

/// Returns a linker with all interfaces that a component with this kind of handler may import.
/// Imports that the manifest does not grant are refused by name when a release is loaded, before
/// anything is linked.
///
/// # Errors
/// Returns an error if two capabilities define an interface of the same name.
pub fn linker(engine: &Engine, handler: HandlerKind) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    super::request_parts::bound_p2(&mut linker)?;
    if handler != HandlerKind::Record {
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        super::request_parts::bound_p3(&mut linker)?;
    }
    super::config::add_to_linker(&mut linker)?;
    super::context::add_to_linker(&mut linker)?;
    super::identity::add_to_linker(&mut linker)?;
    super::keyvalue::add_to_linker(&mut linker)?;
    super::mail::add_to_linker(&mut linker)?;
    super::metrics::add_to_linker(&mut linker)?;
    super::rate_limit::add_to_linker(&mut linker)?;
    super::request::add_to_linker(&mut linker)?;
    super::sql::add_to_linker(&mut linker)?;
    Ok(linker)
}
