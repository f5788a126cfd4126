//! Loading of a release: its component is compiled, checked against the manifest, and linked.

use std::sync::Arc;

use bundle::component::{Exports, HandlerKind};
use bytes::Bytes;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

use super::spec::PluginSpec;
use super::{Handler, Plugin};
use crate::guest::call::CallError;
use crate::guest::shared::{Bounds, Shared};
use crate::guest::state::State;
use crate::guest::stats::Stats;
use crate::runtime::engine::artifacts::{ArtifactError, Artifacts};
use crate::runtime::engine::inspect::{self, InspectError};
use crate::runtime::engine::slots::{NoRoom, Reservation};
use crate::runtime::engine::{EngineError, Runtime};
use crate::runtime::handlers::record::RecordHandler;
use crate::runtime::handlers::wasi_http::WasiHttpHandler;
use crate::runtime::linking::{self, ServiceExports, ServiceLinks};
use crate::runtime::scheduling::admission::Admission;
use crate::runtime::scheduling::penalty::Penalty;

/// Error of loading a release.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The component cannot be compiled.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The manifest does not grant an import of the component, or the host does not provide it.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The component cannot be linked: the host has an interface of that name, with other types.
    #[error("does not fit this host's interfaces: {0:#}")]
    Link(wasmtime::Error),
    /// A component with a `wasi:http` handler exports interfaces for other plugins, which only
    /// components with the record handler can.
    #[error(
        "exports an interface for other plugins, which only plugins behind \
         edge:platform/handler can"
    )]
    ServiceHandler,
    /// The manifest restricts callers of an interface that the component does not export.
    #[error("exports no {0}, which [exports] in the manifest names")]
    NoSuchExport(String),
    /// The engine for this kind of handler cannot be created.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine's pool has too few free instances or memories.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// An instance needs more linear memory than a slot of the pool has.
    #[error("asks for {wanted} bytes of memory for an instance; this node reserved {reserved}")]
    TooLarge {
        /// Bytes of memory that the manifest asks for.
        wanted: u64,
        /// Bytes of memory that a slot of the pool has.
        reserved: u64,
    },
    /// The component instantiates core modules that it imports, so the resources of an instance
    /// cannot be computed in advance.
    #[error("instantiates core modules that it imports, so what it needs cannot be computed")]
    ForeignModules,
    /// The first instance, made when the release was loaded, failed.
    #[error("its first instance failed: {0}")]
    Warm(CallError),
}

impl Plugin {
    /// Compiles `wasm`, checks its imports against the manifest's grants, links it, and makes a
    /// first instance. `exports` was read from the component before.
    ///
    /// # Errors
    /// Returns an error that names the step that failed, and why.
    pub async fn load(
        runtime: &Runtime,
        artifacts: &Arc<Artifacts>,
        spec: PluginSpec,
        wasm: Bytes,
        exports: Exports,
    ) -> Result<Self, LoadError> {
        if let Some(name) = spec.calls.without_export(&exports.services) {
            return Err(LoadError::NoSuchExport(name.to_owned()));
        }
        let (engine, slots) = reserve(runtime, &spec, &exports)?;
        let compiling = runtime.compile(&engine, artifacts, wasm, spec.urgency);
        let component = compiling.await?;
        let slots = slots.with_memories(memories(&component)?)?;
        check_component(&engine, &component, &spec, &exports)?;
        let (pre, links) = link(runtime, &component, &spec, &exports).map_err(LoadError::Link)?;
        let plugin =
            Self::new(runtime, spec, exports, pre, links, slots).map_err(LoadError::Link)?;
        plugin.warm().await.map_err(LoadError::Warm)?;
        Ok(plugin)
    }

    fn new(
        runtime: &Runtime,
        spec: PluginSpec,
        exports: Exports,
        pre: InstancePre<State>,
        links: ServiceLinks,
        slots: Reservation,
    ) -> wasmtime::Result<Self> {
        let for_jobs = exports.aside();
        let instances = (slots.count() - for_jobs.min(slots.count() - 1)).max(1);
        let (deadline, queue_timeout) = (spec.deadline, spec.queue_timeout);
        let shared = Arc::new(shared(runtime, pre.engine().clone(), spec)?);
        Ok(Self {
            admission: Admission::new(instances, queue_timeout),
            job_permits: Semaphore::new(for_jobs.max(1) as usize),
            penalty: Penalty::default(),
            deadline,
            handler: Handler::new(&shared, &pre, exports.handler, instances)?,
            shared,
            pre,
            exports,
            links,
            _slots: slots,
        })
    }

    /// Makes a first instance, so that a component that cannot be instantiated fails to load rather
    /// than failing requests.
    async fn warm(&self) -> Result<(), CallError> {
        match &self.handler {
            Handler::Record(handler) => handler.warm().await,
            Handler::WasiHttp(handler) => handler.warm().await,
        }
    }
}

impl Handler {
    fn new(
        shared: &Arc<Shared>,
        pre: &InstancePre<State>,
        kind: HandlerKind,
        instances: u32,
    ) -> wasmtime::Result<Self> {
        match kind {
            HandlerKind::Record => RecordHandler::new(shared, pre, instances)
                .map(|handler| Self::Record(Box::new(handler))),
            HandlerKind::Http02 | HandlerKind::Http03 => {
                WasiHttpHandler::new(shared, pre, kind).map(Self::WasiHttp)
            }
        }
    }
}

/// Returns the engine for the plugin's kind of handler, with slots for its instances.
fn reserve(
    runtime: &Runtime,
    spec: &PluginSpec,
    exports: &Exports,
) -> Result<(Engine, Reservation), LoadError> {
    let pool = runtime.pool(exports.handler)?;
    if spec.memory > pool.memory {
        return Err(LoadError::TooLarge {
            wanted: spec.memory,
            reserved: pool.memory,
        });
    }
    let slots = pool.reserve(spec.instances + exports.aside())?;
    Ok((pool.engine.clone(), slots))
}

/// Returns the number of linear memories that one instance takes.
fn memories(component: &Component) -> Result<u32, LoadError> {
    let required = component.resources_required();
    let required = required.ok_or(LoadError::ForeignModules)?;
    Ok(required.num_memories)
}

/// Checks that the manifest grants what the component imports, and that the component's handler is
/// one with which it can export interfaces.
fn check_component(
    engine: &Engine,
    component: &Component,
    spec: &PluginSpec,
    exports: &Exports,
) -> Result<(), LoadError> {
    inspect::check_imports(engine, component, &spec.granted, &spec.calls)?;
    match exports.handler != HandlerKind::Record && !exports.services.is_empty() {
        true => Err(LoadError::ServiceHandler),
        false => Ok(()),
    }
}

/// Links `component` to the interfaces of the host and of other plugins.
fn link(
    runtime: &Runtime,
    component: &Component,
    spec: &PluginSpec,
    exports: &Exports,
) -> wasmtime::Result<(InstancePre<State>, ServiceLinks)> {
    let (engine, calls) = (component.engine(), &spec.calls);
    let services = ServiceExports::new(engine, component, &exports.services);
    let mut linker = (spec.linker)(engine, exports.handler)?;
    let directory = runtime.directory();
    let imports = linking::add_to_linker(&mut linker, engine, component, calls, directory)?;
    let pre = linker.instantiate_pre(component)?;
    component.initialize_copy_on_write_image()?;
    let name = spec.name.as_str().into();
    Ok((
        pre,
        ServiceLinks::new(name, services, imports, calls.clone()),
    ))
}

fn shared(runtime: &Runtime, engine: Engine, spec: PluginSpec) -> wasmtime::Result<Shared> {
    Ok(Shared {
        engine,
        background: runtime.background().clone(),
        cpu_permits: runtime.cpu_permits().clone(),
        name: spec.name.into(),
        version: spec.version,
        memory: usize::try_from(spec.memory).unwrap_or(usize::MAX),
        bounds: Bounds {
            cpu_time: spec.cpu_time,
            host_calls: spec.host_calls,
        },
        max_response: spec.max_response,
        requests_per_instance: spec.requests_per_instance,
        granted: Arc::new(spec.granted),
        stats: Arc::new(Stats::new()?),
    })
}
