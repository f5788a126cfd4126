//! wasmtime engines: one for plugins with the record handler, one for those with `wasi:http`
//! handlers. Memory for all instances of an engine is reserved when it is created.

pub mod artifacts;
mod compile;
pub mod compiled_cache;
pub(super) mod compilers;
mod config;
mod demand;
mod epoch;
pub mod inspect;
pub(super) mod pool;
pub(super) mod slots;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bundle::component::HandlerKind;
use tokio::task::JoinError;

use self::compilers::Compilers;
use self::config::Calls;
use self::pool::Pool;
use super::linking::Directory;
use crate::guest::cpu_permits::CpuPermits;
use crate::guest::demotion::Background;

pub use self::demand::Demand;

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

/// The engines of a node. Each has a thread that advances its epoch.
pub struct Runtime {
    record: Pool,
    /// Pool for `wasi:http` handlers, created for the first plugin that needs it.
    wasi_http: OnceLock<Pool>,
    wasi_http_demand: Demand,
    /// Held while the pool for `wasi:http` handlers is created.
    creating: Mutex<()>,
    directory: Arc<Directory>,
    compilers: Compilers,
    background: Arc<Background>,
    cpu_permits: Arc<CpuPermits>,
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
    pub fn new(record: Demand, wasi_http: Demand) -> Result<Self, EngineError> {
        Ok(Self {
            record: Pool::new(record, Calls::Plain)?,
            wasi_http: OnceLock::new(),
            wasi_http_demand: wasi_http,
            creating: Mutex::new(()),
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

    /// Returns the pool for plugins with this kind of handler. The one for `wasi:http` handlers is
    /// created when it is first asked for.
    pub(super) fn pool(&self, handler: HandlerKind) -> Result<&Pool, EngineError> {
        if handler == HandlerKind::Record {
            return Ok(&self.record);
        }
        let _one_at_a_time = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = self.wasi_http.get() {
            return Ok(pool);
        }
        let pool = Pool::new(self.wasi_http_demand, Calls::Concurrent)?;
        Ok(self.wasi_http.get_or_init(|| pool))
    }
}
