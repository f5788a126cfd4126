//! Pool of instance slots: an engine and the capacity of its pooling allocator.

use wasmtime::Engine;

use super::EngineError;
use super::config::{Calls, config};
use super::demand::Demand;
use super::epoch::spawn_ticker;
use super::slots::{NoRoom, PoolCapacity, Reservation};

/// Minimum linear memory of a pool's slots, in bytes: one page.
const MIN_SLOT_BYTES: u64 = 64 << 10;

/// Bytes of address space of a slot with which compiled code needs no bounds checks.
const UNCHECKED_RESERVATION: u64 = 4 << 30;

/// Bytes of address space that the host needs for itself: its threads' stacks and heaps, compiled
/// code, databases.
const HOST_RESERVE: usize = 768 << 20;

/// An engine with the capacity of its pooling allocator.
pub(in crate::runtime) struct Pool {
    pub(in crate::runtime) engine: Engine,
    /// Maximum linear memory of an instance, in bytes.
    pub(in crate::runtime) memory: u64,
    wanted: u32,
    granted: u32,
    capacity: PoolCapacity,
}

impl Pool {
    /// Creates the engine for `demand`, or for less if the address space does not hold it all.
    ///
    /// # Errors
    /// Returns an error if not even one instance fits.
    pub(super) fn new(demand: Demand, calls: Calls) -> Result<Self, EngineError> {
        let wanted = demand.instances.max(1);
        let memory = demand.memory.max(MIN_SLOT_BYTES);
        let (engine, granted) = create_engine(wanted, memory, calls)?;
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
            capacity: PoolCapacity::new(granted),
        })
    }

    /// Reserves this many instances for a plugin, or its proportional share if the pool is smaller
    /// than the demand, but at least one.
    ///
    /// # Errors
    /// Returns an error if too few are free.
    pub(in crate::runtime) fn reserve(&self, instances: u32) -> Result<Reservation, NoRoom> {
        let share = u64::from(instances) * u64::from(self.granted) / u64::from(self.wanted);
        let share = u32::try_from(share).unwrap_or(instances).max(1);
        self.capacity.reserve(share)
    }
}

/// Creates an engine, and returns the number of instances that it holds. If the address space does
/// not hold `wanted` instances without bounds checks, it has them with checks, or half as many, and
/// so on.
fn create_engine(wanted: u32, memory: u64, calls: Calls) -> Result<(Engine, u32), EngineError> {
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

/// Calls `reserve` while the host's own address space is allocated, so that it is still free
/// afterwards.
fn with_host_reserve<T>(reserve: impl FnOnce() -> wasmtime::Result<T>) -> wasmtime::Result<T> {
    let mut reserved = Vec::<u8>::new();
    reserved.try_reserve_exact(HOST_RESERVE)?;
    // Never touched, so it takes address space alone; `black_box` keeps the compiler from removing
    // it.
    std::hint::black_box(&mut reserved);
    reserve()
}
