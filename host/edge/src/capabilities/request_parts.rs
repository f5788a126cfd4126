//! Setters of `wasi:http` requests with bounded lengths. The host keeps the values for as long as
//! the plugin keeps the request, and `wasmtime-wasi-http` itself accepts a method or an authority
//! of any length.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types as p2;
use wasmtime_wasi_http::p3::bindings::http::types as p3;

use crate::guest::State;

/// Maximum length of a method, and of a scheme, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// Maximum length of an authority, in bytes.
const MAX_AUTHORITY_BYTES: usize = 1 << 10;

/// Maximum length of a path with its query, in bytes.
const MAX_PATH_BYTES: usize = 8 << 10;

type Answer = wasmtime::Result<(Result<(), ()>,)>;

/// Answer to a value that is too long, which is the one to a malformed value.
const TOO_LONG: Answer = Ok((Err(()),));

fn is_longer(text: Option<&String>, most: usize) -> bool {
    text.is_some_and(|text| text.len() > most)
}

/// Defines a function that replaces the setters of `$resource` in `$interface`, the version that
/// `wasmtime-wasi-http` links, by bounded ones.
macro_rules! bounded_setters {
    (
        $(#[$documentation:meta])*
        $name:ident($interface:literal, $resource:literal): $types:ident::$host:ident, $request:ident
    ) => {
        $(#[$documentation])*
        pub fn $name(linker: &mut Linker<State>) -> wasmtime::Result<()> {
            use $types::{$host as _, $request, Method, Scheme};
            type Store<'a> = StoreContextMut<'a, State>;
            type Handle = Resource<$request>;

            linker.allow_shadowing(true);
            let mut types = linker.instance($interface)?;
            types.func_wrap(
                concat!("[method]", $resource, ".set-method"),
                |mut store: Store<'_>, (request, method): (Handle, Method)| match &method {
                    Method::Other(text) if text.len() > MAX_WORD_BYTES => TOO_LONG,
                    _ => Ok((store.data_mut().http().set_method(request, method)?,)),
                },
            )?;
            types.func_wrap(
                concat!("[method]", $resource, ".set-scheme"),
                |mut store: Store<'_>, (request, scheme): (Handle, Option<Scheme>)| match &scheme {
                    Some(Scheme::Other(text)) if text.len() > MAX_WORD_BYTES => TOO_LONG,
                    _ => Ok((store.data_mut().http().set_scheme(request, scheme)?,)),
                },
            )?;
            types.func_wrap(
                concat!("[method]", $resource, ".set-authority"),
                |mut store: Store<'_>, (request, text): (Handle, Option<String>)| {
                    if is_longer(text.as_ref(), MAX_AUTHORITY_BYTES) {
                        return TOO_LONG;
                    }
                    Ok((store.data_mut().http().set_authority(request, text)?,))
                },
            )?;
            types.func_wrap(
                concat!("[method]", $resource, ".set-path-with-query"),
                |mut store: Store<'_>, (request, text): (Handle, Option<String>)| {
                    if is_longer(text.as_ref(), MAX_PATH_BYTES) {
                        return TOO_LONG;
                    }
                    Ok((store.data_mut().http().set_path_with_query(request, text)?,))
                },
            )?;
            linker.allow_shadowing(false);
            Ok(())
        }
    };
}

bounded_setters! {
    /// Replaces the setters of `wasi:http@0.2` requests by bounded ones.
    ///
    /// # Errors
    /// Returns an error if the linker does not accept them.
    bound_p2("wasi:http/types@0.2.12", "outgoing-request"): p2::HostOutgoingRequest, OutgoingRequest
}

bounded_setters! {
    /// Replaces the setters of `wasi:http@0.3` requests by bounded ones.
    ///
    /// # Errors
    /// Returns an error if the linker does not accept them.
    bound_p3("wasi:http/types@0.3.0", "request"): p3::HostRequest, Request
}
