//! The wasmtime engines: one for plugins behind the fast door, one for those
//! behind standard doors, with memory for every instance reserved at start.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::inspect::DoorKind;
use super::services::Directory;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, WasmBacktraceDetails,
};

/// How often the epoch moves on: the grain of processor-time limits, and the
/// longest that a busy instance keeps a thread from others.
pub(super) const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Core instances of one component instance. A Rust component of the
/// `wasm32-wasip2` target takes 3; the rest is room for composed ones.
const CORE_INSTANCES_EACH: u32 = 8;

/// Tables of one component instance, for the same reason.
const TABLES_EACH: u32 = 4;

/// Entries of one table. Components from C# or Go need more than wasmtime's
/// 20,000.
const TABLE_ELEMENTS: usize = 100_000;

/// Memory of a slot that stays resident between two instances, so that small
/// ones are reset by a short copy instead of a call to the kernel.
const KEEP_MEMORY_RESIDENT: usize = 2 << 20;
const KEEP_TABLE_RESIDENT: usize = 512 << 10;

/// Guests get half of a megabyte of stack, hosts' calls on top the rest.
const WASM_STACK: usize = 512 << 10;
const FIBER_STACK: usize = 1 << 20;

/// One page of linear memory: the least that a pool is made for.
const SMALLEST_MEMORY: u64 = 64 << 10;

/// Address space of a slot that spares compiled code its bounds checks.
const UNCHECKED_RESERVATION: u64 = 4 << 30;

/// What the plugins behind one kind of door together ask of their engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// Instances at once, over all plugins.
    pub instances: u32,
    /// Linear memory of the largest instance, in bytes.
    pub memory: u64,
}

impl Demand {
    /// Add one plugin's instances.
    pub fn add(&mut self, instances: u32, memory: u64) {
        self.instances += instances;
        self.memory = self.memory.max(memory);
    }
}

/// No engine could be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot reserve memory for even {instances} instance(s) of {memory} bytes: {source}")]
pub struct EngineError {
    instances: u32,
    memory: u64,
    source: wasmtime::Error,
}

/// Which of the component model's calls an engine's guests make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// One at a time, as behind the fast door.
    Plain,
    /// Several at once, as WASI 0.3 and `ProxyHandler` need. The machinery for
    /// it costs every instance some microseconds, used or not.
    Concurrent,
}

/// The engines of a node. Each moves its epoch on by a thread of its own.
pub struct Runtime {
    fast: Pool,
    standard: Option<Pool>,
    directory: Arc<Directory>,
}

/// An engine whose pool was made for so many instances.
pub(super) struct Pool {
    pub(super) engine: Engine,
    wanted: u32,
    granted: u32,
}

impl Runtime {
    /// Make engines for what the plugins behind the fast door and behind the
    /// standard doors ask. When the address space does not hold it, slots
    /// shrink to what instances may really use (their code then checks
    /// bounds), and then their number is halved until it fits; each step is
    /// logged.
    ///
    /// # Errors
    /// When not even one instance fits.
    pub fn new(fast: Demand, standard: Demand) -> Result<Self, EngineError> {
        let fast = Pool::new(fast, Calls::Plain)?;
        let standard = match standard.instances {
            0 => None,
            _ => Some(Pool::new(standard, Calls::Concurrent)?),
        };
        Ok(Self {
            fast,
            standard,
            directory: Arc::default(),
        })
    }

    /// Through which the node's plugins find each other.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The pool for plugins behind `door`. A standard one that nobody asked
    /// for is not there; the fast one stands in and refuses what it lacks.
    pub(super) fn pool(&self, door: DoorKind) -> &Pool {
        match (door, &self.standard) {
            (DoorKind::Http02 | DoorKind::Http03, Some(standard)) => standard,
            _ => &self.fast,
        }
    }
}

impl Pool {
    fn new(demand: Demand, calls: Calls) -> Result<Self, EngineError> {
        let wanted = demand.instances.max(1);
        let memory = demand.memory.max(SMALLEST_MEMORY);
        let (engine, granted) = reserve(wanted, memory, calls)?;
        if granted < wanted {
            tracing::warn!(
                wanted,
                granted,
                "the host's memory does not hold the reservation for all instances; \
                 every plugin gets its share of fewer"
            );
        }
        spawn_ticker(engine.weak());
        Ok(Self {
            engine,
            wanted,
            granted,
        })
    }

    /// How many instances a plugin gets that asked for `instances`: all of
    /// them, or its share when the pool had to be sized down. Never none.
    pub(super) fn share(&self, instances: u32) -> u32 {
        let share = u64::from(instances) * u64::from(self.granted) / u64::from(self.wanted);
        u32::try_from(share).unwrap_or(instances).max(1)
    }
}

fn reserve(wanted: u32, memory: u64, calls: Calls) -> Result<(Engine, u32), EngineError> {
    match Engine::new(&config(wanted, memory, UNCHECKED_RESERVATION, calls)) {
        Ok(engine) => return Ok((engine, wanted)),
        Err(error) => tracing::warn!(
            %error, instances = wanted,
            "the address space does not hold 4 GiB for each instance; reserving only what \
             instances may use, which makes their code check bounds"
        ),
    }
    let mut instances = wanted;
    loop {
        match Engine::new(&config(instances, memory, memory, calls)) {
            Ok(engine) => return Ok((engine, instances)),
            Err(source) if instances == 1 => {
                return Err(EngineError {
                    instances,
                    memory,
                    source,
                });
            }
            Err(_) => instances /= 2,
        }
    }
}

fn config(instances: u32, memory: u64, reservation: u64, calls: Calls) -> Config {
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
        // Proposals that no guest of ours needs are so much less to attack.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .shared_memory(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, memory)));
    config
}

fn pool(instances: u32, memory: u64) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_EACH))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES_EACH))
        .total_stacks(instances.saturating_mul(2))
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

/// Resetting a slot by its dirty pages is right only while no page can be
/// swapped out: wasmtime before 50 overlooks swapped pages, and the next
/// instance would read the last one's data (wasmtime#14357). Without the
/// scan, keeping memory resident costs more than it saves.
fn can_scan_pagemap() -> bool {
    let no_swap = fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() <= 1);
    no_swap && PoolingAllocationConfig::is_pagemap_scan_available()
}

/// A thread of its own: as a task it would starve with the workers that it is
/// there to interrupt. It ends with the engine.
#[expect(
    clippy::expect_used,
    reason = "a node that cannot start a thread cannot run at all"
)]
fn spawn_ticker(engine: EngineWeak) {
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(EPOCH_TICK);
            }
        })
        .expect("the operating system can start one more thread");
}
