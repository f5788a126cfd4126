//! Limits on what one instance may make the host keep or do for it, besides its own memory.
//! Together they bound the host's memory for an instance: the number of entries in its resource
//! table is limited, and so is the size of each.

use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::WasiHttpCtx;

use super::output::Output;
use super::state::State;

/// Maximum number of host resources that an instance may hold at once: streams, header fields,
/// bodies, timers, transactions, buckets.
const MOST_RESOURCES: usize = 512;

/// Maximum number of resources, such as standard streams, with which an instance is kept for
/// another request.
const KEPT_RESOURCES: usize = 16;

/// Maximum number of entries for tasks, streams and futures of the component model that an instance
/// may have at once, and with which it is kept for another request. A task takes several entries.
const MOST_CONCURRENT: usize = 512;
const KEPT_CONCURRENT: usize = 32;

/// Maximum number of handles of any kind in the component's own tables.
const MOST_HANDLES: usize = 10_000;

/// Maximum length of all names and values of one set of HTTP header fields, in bytes.
const MOST_FIELDS: usize = 64 << 10;

/// Length of one chunk of an outgoing body in bytes; a body holds two of them.
pub(crate) const BODY_CHUNK: usize = 32 << 10;

/// Maximum number of random bytes for one call.
const MOST_RANDOM: u64 = 1 << 20;

/// Bounds on the bytes that one call may pass from the guest to the host, which are as many as the
/// instance has memory, within these two. The upper one is wasmtime's own limit.
const LEAST_TRANSFER: usize = 16 << 20;
const MOST_TRANSFER: usize = 128 << 20;

/// Returns a WASI context without files, sockets or environment variables.
pub(crate) fn wasi(output: &Output) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(output.clone())
        .stderr(output.clone())
        // Disabled, since a socket takes a file descriptor even where no address can be reached.
        .allow_tcp(false)
        .allow_udp(false)
        .max_random_size(MOST_RANDOM)
        .build()
}

/// Returns a `wasi:http` context with bounded header fields.
pub(crate) fn http() -> WasiHttpCtx {
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(MOST_FIELDS);
    http
}

/// Returns a resource table with a maximum number of entries.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MOST_RESOURCES);
    table
}

/// Sets the limits of `store`, of an instance with `memory` bytes.
pub(crate) fn limit(store: &mut Store<State>, memory: usize) {
    store.limiter(|state| &mut state.memory);
    store.set_max_component_handles(MOST_HANDLES);
    store.set_hostcall_fuel(memory.clamp(LEAST_TRANSFER, MOST_TRANSFER));
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(MOST_CONCURRENT);
    }
    watch(store, |_| {});
}

/// Counts all calls of the guest into the host, and calls `look` with the store each time a call of
/// the guest has returned.
pub(crate) fn watch(
    store: &mut Store<State>,
    look: impl Fn(StoreContextMut<'_, State>) + Send + Sync + 'static,
) {
    store.call_hook(move |mut store, hook| match hook {
        CallHook::CallingHost => Ok(store.data_mut().count_crossing()?),
        CallHook::ReturningFromWasm => {
            look(store);
            Ok(())
        }
        CallHook::CallingWasm | CallHook::ReturningFromHost => Ok(()),
    });
}

/// Returns whether an instance holds so many resources that the next request would suffer. Such an
/// instance is dropped, and with it everything that it leaked.
pub(crate) fn is_worn_out(mut store: StoreContextMut<'_, State>) -> bool {
    let concurrent = store.concurrent_resource_table();
    let concurrent = concurrent.map_or(0, |table| table.iter_mut().count());
    let state = store.data_mut();
    concurrent > KEPT_CONCURRENT
        || state.table().iter_mut().count() > KEPT_RESOURCES
        || state.memory.is_nearly_used_up()
}
