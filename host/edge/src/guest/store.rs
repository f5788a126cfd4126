//! The wasmtime store of an instance, with all limits in force.

use wasmtime::{CallHook, Store, StoreContextMut};

use super::call::Call;
use super::shared::{Bounds, Shared};
use super::state::State;

/// Maximum number of resources, such as standard streams, with which an instance is kept for
/// another request.
const KEPT_RESOURCES: usize = 16;

/// Maximum number of entries for tasks, streams and futures of the component model that an instance
/// may have at once, and with which it is kept for another request. A task takes several entries.
const MOST_CONCURRENT: usize = 512;
const KEPT_CONCURRENT: usize = 32;

/// Maximum number of handles of any kind in the component's own tables.
const MOST_HANDLES: usize = 10_000;

/// Bounds on the bytes that one call may pass from the guest to the host, which are as many as the
/// instance has memory, within these two. The upper one is wasmtime's own limit.
const LEAST_TRANSFER: usize = 16 << 20;
const MOST_TRANSFER: usize = 128 << 20;

/// Returns a store for a new instance of the plugin, which answers `call`.
pub(crate) fn new_store(shared: &Shared, call: Call, bounds: Bounds) -> Store<State> {
    let mut store = Store::new(&shared.engine, State::new(shared, call, bounds));
    limit(&mut store, shared.memory);
    store.set_epoch_deadline(1);
    let cpu_permits = shared.cpu_permits.clone();
    store.epoch_deadline_callback(move |context| context.data().tick(&cpu_permits));
    store
}

/// Sets the limits of `store`, of an instance with `memory` bytes.
fn limit(store: &mut Store<State>, memory: usize) {
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
