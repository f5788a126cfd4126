//! wasmtime engines: one for plugins with the record handler, one for those with `wasi:http`
//! handlers. Memory for all instances of an engine is reserved when it is created.

pub mod artifacts;
pub mod compiled_cache;
pub(super) mod compilers;
pub mod inspect;
pub(super) mod slots;

use std::fs;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bundle::component::HandlerKind;

use self::compilers::Compilers;
use self::slots::{NoRoom, PoolCapacity, Reservation};
use super::linking::Directory;
use crate::guest::cpu_permits::CpuPermits;
use crate::guest::cpu_time::EPOCH_TICK;
use crate::guest::demotion::Background;
use crate::guest::memory::{MOST_CORE_INSTANCES, MOST_MEMORIES, MOST_TABLES};
use tokio::task::JoinError;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, WasmBacktraceDetails,
};

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

/// Minimum linear memory of a pool's slots, in bytes: one page.
const SMALLEST_MEMORY: u64 = 64 << 10;

/// Minimum linear memory of a slot in a pool for plugins that are deployed later, in bytes. Only
/// address space is taken until it is used.
const ROOMY_MEMORY: u64 = 128 << 20;

/// Bytes of address space of a slot with which compiled code needs no bounds checks.
const UNCHECKED_RESERVATION: u64 = 4 << 30;

/// Total demand of the plugins with one kind of handler on their engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// Concurrent instances, over all plugins.
    pub instances: u32,
    /// Linear memory of the largest instance, in bytes.
    pub memory: u64,
}

impl Demand {
    /// Returns the demand with room for a second release of every plugin, and for `spare` instances
    /// of plugins that are deployed later.
    #[must_use]
    pub fn with_room(self, spare: u32) -> Self {
        Self {
            instances: self.instances.saturating_mul(2).saturating_add(spare),
            memory: self.memory.max(ROOMY_MEMORY),
        }
    }

    /// Adds one plugin's demand.
    pub fn add(&mut self, instances: u32, memory: u64) {
        self.instances += instances;
        self.memory = self.memory.max(memory);
    }
}

/// Error of creating an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The address space does not hold even one instance.
    #[error("cannot reserve memory for even {instances} instance(s) of {memory} bytes: {source}")]
    Reserve {
        /// Number of instances.
        instances: u32,
        /// Linear memory of each, in bytes.
        memory: u64,
        /// Error that wasmtime returned.
        source: wasmtime::Error,
    },
    /// The threads that compile components cannot be started.
    #[error("cannot start the threads that compile components: {0}")]
    Compilers(#[from] rayon::ThreadPoolBuildError),
    /// The threads of low priority, for demoted requests, cannot be started.
    #[error("cannot start the threads of low priority: {0}")]
    Background(std::io::Error),
}

/// Kind of component model calls that an engine's guests make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// One call at a time, as with the record handler.
    Plain,
    /// Concurrent calls, as WASI 0.3 and `ProxyHandler` need. Support for them costs every instance
    /// some microseconds, used or not.
    Concurrent,
}

/// The engines of a node. Each has a thread that advances its epoch.
pub struct Runtime {
    fast: Pool,
    /// Pool for `wasi:http` handlers, created for the first plugin that needs it.
    standard: OnceLock<Pool>,
    standard_demand: Demand,
    making: Mutex<()>,
    directory: Arc<Directory>,
    compilers: Compilers,
    background: Arc<Background>,
    cpu_permits: Arc<CpuPermits>,
}

/// An engine with the capacity of its pooling allocator.
pub(super) struct Pool {
    pub(super) engine: Engine,
    /// Maximum linear memory of an instance, in bytes.
    pub(super) memory: u64,
    wanted: u32,
    granted: u32,
    ledger: Arc<PoolCapacity>,
}

impl Runtime {
    /// Creates the engine for plugins with the record handler, and remembers the demand of those
    /// with `wasi:http` handlers, whose engine is created when the first of them is loaded. If the
    /// address space does not hold the demand, slots shrink to the memory that instances may really
    /// use (their code then checks bounds), and then their number is halved until it fits. Each
    /// shortage is logged.
    ///
    /// # Errors
    /// Returns an error if not even one instance fits, or if threads cannot be started.
    pub fn new(fast: Demand, standard: Demand) -> Result<Self, EngineError> {
        Ok(Self {
            fast: Pool::new(fast, Calls::Plain)?,
            standard: OnceLock::new(),
            standard_demand: standard,
            making: Mutex::new(()),
            directory: Arc::default(),
            compilers: Compilers::new()?,
            background: Arc::new(Background::new().map_err(EngineError::Background)?),
            cpu_permits: Arc::new(CpuPermits::new()),
        })
    }

    /// Returns the directory through which the node's plugins find each other.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Runs `work`, which may compute for long, on threads of low priority, so that requests are
    /// served as before meanwhile. Dropping the future ends the work.
    ///
    /// # Errors
    /// Returns an error if the work panicked.
    pub async fn in_background<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        self.background.run(work).await
    }

    /// Returns the threads of low priority, on which demoted requests continue.
    pub(super) fn background(&self) -> &Arc<Background> {
        &self.background
    }

    /// Returns the processor permits of `wasi:http` guests, which cannot be moved to other threads.
    pub(super) fn cpu_permits(&self) -> &Arc<CpuPermits> {
        &self.cpu_permits
    }

    /// Returns the thread pools that compile components.
    pub(super) fn compilers(&self) -> &Compilers {
        &self.compilers
    }

    /// Returns the pool for plugins with this kind of handler. The one for `wasi:http` handlers is
    /// created when it is first asked for.
    pub(super) fn pool(&self, handler: HandlerKind) -> Result<&Pool, EngineError> {
        if handler == HandlerKind::Record {
            return Ok(&self.fast);
        }
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = self.standard.get() {
            return Ok(pool);
        }
        let pool = Pool::new(self.standard_demand, Calls::Concurrent)?;
        Ok(self.standard.get_or_init(|| pool))
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
            memory,
            wanted,
            granted,
            ledger: PoolCapacity::new(granted),
        })
    }

    /// Reserves this many instances for a plugin, or its proportional share if the pool is smaller
    /// than the demand, but at least one.
    ///
    /// # Errors
    /// Returns an error if too few are free.
    pub(super) fn reserve(&self, instances: u32) -> Result<Reservation, NoRoom> {
        let share = u64::from(instances) * u64::from(self.granted) / u64::from(self.wanted);
        let share = u32::try_from(share).unwrap_or(instances).max(1);
        self.ledger.reserve(share)
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
        match with_host_reserve(|| Engine::new(&config(instances, memory, memory, calls))) {
            Ok(engine) => return Ok((engine, instances)),
            Err(source) if instances == 1 => {
                return Err(EngineError::Reserve {
                    instances,
                    memory,
                    source,
                });
            }
            Err(_) => instances /= 2,
        }
    }
}

/// Bytes of address space that the host needs for itself: its threads' stacks and heaps, compiled
/// code, databases.
const HOST_ROOM: usize = 768 << 20;

/// Calls `reserve` while the host's own address space is allocated, so that it is still free
/// afterwards.
fn with_host_reserve<T>(reserve: impl FnOnce() -> wasmtime::Result<T>) -> wasmtime::Result<T> {
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(HOST_ROOM)?;
    // Never touched, so it takes address space alone; `black_box` keeps the compiler from removing
    // it.
    std::hint::black_box(&mut room);
    reserve()
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
        // Disabled, since no guest needs these proposals: a smaller attack surface.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .shared_memory(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            instances, memory, calls,
        )));
    config
}

/// Returns the settings of a pool that holds everything that `instances` instances can take. Linear
/// memories are the exception: there is one for each instance, and releases that need more reserve
/// them from the [`PoolCapacity`].
fn pool(instances: u32, memory: u64, calls: Calls) -> PoolingAllocationConfig {
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

/// Starts the thread that advances the epoch until the engine is dropped. A tokio task would starve
/// together with the workers that it has to interrupt.
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
