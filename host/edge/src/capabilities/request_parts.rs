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
const LONGEST_WORD: usize = 64;

/// Maximum length of an authority, in bytes.
const LONGEST_AUTHORITY: usize = 1 << 10;

/// Maximum length of a path with its query, in bytes.
const LONGEST_PATH: usize = 8 << 10;

/// Versions of the interface that `wasmtime-wasi-http` links.
const P2: &str = "wasi:http/types@0.2.12";
const P3: &str = "wasi:http/types@0.3.0";

type Answer = wasmtime::Result<(Result<(), ()>,)>;

/// Answer to a value that is too long, the same as to a malformed one.
const TOO_LONG: Answer = Ok((Err(()),));

fn is_longer(text: Option<&String>, most: usize) -> bool {
    text.is_some_and(|text| text.len() > most)
}

/// Replaces the setters of `wasi:http@0.2` requests by bounded ones.
///
/// # Errors
/// Returns an error if the linker does not accept them.
pub fn bound_p2(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::{HostOutgoingRequest as _, Method, OutgoingRequest, Scheme};
    type Store<'a> = StoreContextMut<'a, State>;
    type Request = Resource<OutgoingRequest>;

    linker.allow_shadowing(true);
    let mut types = linker.instance(P2)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: Store<'_>, (request, method): (Request, Method)| match &method {
            Method::Other(text) if text.len() > LONGEST_WORD => TOO_LONG,
            _ => Ok((store.data_mut().http().set_method(request, method)?,)),
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-scheme",
        |mut store: Store<'_>, (request, scheme): (Request, Option<Scheme>)| match &scheme {
            Some(Scheme::Other(text)) if text.len() > LONGEST_WORD => TOO_LONG,
            _ => Ok((store.data_mut().http().set_scheme(request, scheme)?,)),
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: Store<'_>, (request, text): (Request, Option<String>)| {
            if is_longer(text.as_ref(), LONGEST_AUTHORITY) {
                return TOO_LONG;
            }
            Ok((store.data_mut().http().set_authority(request, text)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut store: Store<'_>, (request, text): (Request, Option<String>)| {
            if is_longer(text.as_ref(), LONGEST_PATH) {
                return TOO_LONG;
            }
            Ok((store.data_mut().http().set_path_with_query(request, text)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Replaces the setters of `wasi:http@0.3` requests by bounded ones.
///
/// # Errors
/// Returns an error if the linker does not accept them.
pub fn bound_p3(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p3::{HostRequest as _, Method, Request, Scheme};
    type Store<'a> = StoreContextMut<'a, State>;

    linker.allow_shadowing(true);
    let mut types = linker.instance(P3)?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: Store<'_>, (request, method): (Resource<Request>, Method)| match &method {
            Method::Other(text) if text.len() > LONGEST_WORD => TOO_LONG,
            _ => Ok((store.data_mut().http().set_method(request, method)?,)),
        },
    )?;
    types.func_wrap(
        "[method]request.set-scheme",
        |mut store: Store<'_>, (request, scheme): (Resource<Request>, Option<Scheme>)| match &scheme
        {
            Some(Scheme::Other(text)) if text.len() > LONGEST_WORD => TOO_LONG,
            _ => Ok((store.data_mut().http().set_scheme(request, scheme)?,)),
        },
    )?;
    types.func_wrap(
        "[method]request.set-authority",
        |mut store: Store<'_>, (request, text): (Resource<Request>, Option<String>)| {
            if is_longer(text.as_ref(), LONGEST_AUTHORITY) {
                return TOO_LONG;
            }
            Ok((store.data_mut().http().set_authority(request, text)?,))
        },
    )?;
    types.func_wrap(
        "[method]request.set-path-with-query",
        |mut store: Store<'_>, (request, text): (Resource<Request>, Option<String>)| {
            if is_longer(text.as_ref(), LONGEST_PATH) {
                return TOO_LONG;
            }
            Ok((store.data_mut().http().set_path_with_query(request, text)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
