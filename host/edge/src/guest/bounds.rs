//! What one instance may make the host keep or do for it, beside its own
//! memory. Together these bound the host's memory for an instance: no entry of
//! its table holds much, and there are not many.

use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::WasiHttpCtx;

use super::output::Output;
use super::state::State;

/// Resources of the host that an instance may hold at once: streams, header
/// fields, bodies, timers, transactions, buckets.
const MOST_RESOURCES: usize = 512;

/// Resources that an instance may still hold when it is kept for another
/// request, such as its standard streams.
const KEPT_RESOURCES: usize = 16;

/// Tasks, streams and futures of the component model that an instance may have
/// at once, and those with which it is kept. A task takes several entries.
const MOST_CONCURRENT: usize = 512;
const KEPT_CONCURRENT: usize = 32;

/// Handles of any kind in the component's own tables.
const MOST_HANDLES: usize = 10_000;

/// Bytes of all names and values of one set of HTTP header fields.
const MOST_FIELDS: usize = 64 << 10;

/// Bytes of one part of an outgoing body; a body holds two of them.
pub(crate) const BODY_CHUNK: usize = 32 << 10;

/// Random bytes of one call.
const MOST_RANDOM: u64 = 1 << 20;

/// Bytes that one call may pass from the guest to the host: as many as the
/// instance has memory, but no fewer than the first and no more than the
/// second, which is wasmtime's own bound.
const LEAST_TRANSFER: usize = 16 << 20;
const MOST_TRANSFER: usize = 128 << 20;

/// WASI with nothing behind it: no files, no sockets, no environment.
pub(crate) fn wasi(output: &Output) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(output.clone())
        .stderr(output.clone())
        // A socket is a file descriptor even where no address can be reached.
        .allow_tcp(false)
        .allow_udp(false)
        .max_random_size(MOST_RANDOM)
        .build()
}

/// `wasi:http` with bounded header fields.
pub(crate) fn http() -> WasiHttpCtx {
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(MOST_FIELDS);
    http
}

/// A table that takes no more than an instance may hold.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MOST_RESOURCES);
    table
}

/// Put the bounds of `store` in force, of an instance with `memory` bytes.
pub(crate) fn limit(store: &mut Store<State>, memory: usize) {
    store.limiter(|state| &mut state.memory);
    store.set_max_component_handles(MOST_HANDLES);
    store.set_hostcall_fuel(memory.clamp(LEAST_TRANSFER, MOST_TRANSFER));
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(MOST_CONCURRENT);
    }
    watch(store, |_| {});
}

/// Count all calls of the guest into the host, and `look` at the store each
/// time that the host's call of the guest has ended.
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

/// Whether an instance holds so much that the next request would suffer from
/// it: it is dropped then, and with it all that it leaked.
pub(crate) fn is_worn_out(mut store: StoreContextMut<'_, State>) -> bool {
    let concurrent = store.concurrent_resource_table();
    let concurrent = concurrent.map_or(0, |table| table.iter_mut().count());
    let state = store.data_mut();
    concurrent > KEPT_CONCURRENT
        || state.table().iter_mut().count() > KEPT_RESOURCES
        || state.memory.is_nearly_used_up()
}
