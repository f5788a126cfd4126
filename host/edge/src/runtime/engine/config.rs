//! wasmtime's settings for the engines of a node.

use std::fs;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::guest::memory::{MOST_CORE_INSTANCES, MOST_MEMORIES, MOST_TABLES};

/// Maximum number of entries of one table. Components from C# or Go need more than wasmtime's
/// default of 20,000.
const TABLE_ELEMENTS: usize = 100_000;

/// Bytes of a slot's linear memory that stay resident between two instances, so that small ones are
/// reset by a short copy instead of a system call.
const KEEP_MEMORY_RESIDENT: usize = 2 << 20;
const KEEP_TABLE_RESIDENT: usize = 512 << 10;

/// Bytes of stack for a guest's code; the host functions that it calls get the rest of
/// [`FIBER_STACK`].
const WASM_STACK: usize = 512 << 10;
const FIBER_STACK: usize = 1 << 20;

/// Stacks of an instance that makes one call at a time.
const STACKS: u32 = 2;

/// Stacks of an instance with concurrent calls: each of its core instances may wait in one call,
/// beside the worker that continues.
const CONCURRENT_STACKS: u32 = MOST_CORE_INSTANCES + 2;

/// Kind of component model calls that an engine's guests make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// One call at a time, as with the record handler.
    Plain,
    /// Concurrent calls, as WASI 0.3 and `ProxyHandler` need. Support for them costs every instance
    /// some microseconds, used or not.
    Concurrent,
}

/// Returns the settings of an engine with `instances` slots of `memory` bytes of linear memory, each
/// of which takes `reservation` bytes of address space.
pub(super) fn config(instances: u32, memory: u64, reservation: u64, calls: Calls) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        .memory_reservation(reservation)
        .memory_may_move(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_component_model_async(calls == Calls::Concurrent)
        .concurrency_support(calls == Calls::Concurrent)
        // Disabled, since no guest needs these proposals: a smaller attack surface.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .shared_memory(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(
            instances, memory, calls,
        )));
    config
}

/// Returns the settings of a pool that holds everything that `instances` instances can take. Linear
/// memories are the exception: there is one for each instance, and releases that need more reserve
/// them from the [`PoolCapacity`](super::slots::PoolCapacity).
fn pooling(instances: u32, memory: u64, calls: Calls) -> PoolingAllocationConfig {
    let stacks = match calls {
        Calls::Plain => STACKS,
        Calls::Concurrent => CONCURRENT_STACKS,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MOST_CORE_INSTANCES))
        .max_core_instances_per_component(MOST_CORE_INSTANCES)
        .total_memories(instances)
        .max_memories_per_component(MOST_MEMORIES)
        .total_tables(instances.saturating_mul(MOST_TABLES))
        .max_tables_per_component(MOST_TABLES)
        .total_stacks(instances.saturating_mul(stacks))
        .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(instances);
    if can_scan_pagemap() {
        pool.pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(KEEP_MEMORY_RESIDENT)
            .table_keep_resident(KEEP_TABLE_RESIDENT);
    }
    pool
}

/// Returns whether slots may be reset by their dirty pages. wasmtime before 50 overlooks swapped
/// pages, so that the next instance would read the previous one's data (wasmtime#14357); this is
/// right only while no page can be swapped out. Without the scan, keeping memory resident costs
/// more than it saves.
fn can_scan_pagemap() -> bool {
    let no_swap = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1);
    no_swap && PoolingAllocationConfig::is_pagemap_scan_available()
}
