//! A compiled and linked release of a plugin, through which every request to it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::component::{Exports, HandlerKind};
use bytes::Bytes;
use rayon::ThreadPool;
use stores::keyvalue::Bucket;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinError;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker, Val};

use super::engine::artifacts::{ArtifactError, Artifacts};
use super::engine::compilers::Urgency;
use super::engine::inspect::{self, InspectError};
use super::engine::slots::{NoRoom, Reservation};
use super::engine::{EngineError, Runtime};
use super::handlers::answer::Answer;
use super::handlers::record::RecordHandler;
use super::handlers::wasi_http::WasiHttpHandler;
use super::jobs::{self, AccountTask};
use super::linking::{self, CallGrants, ServiceCallError, ServiceExports, ServiceImports};
use super::scheduling::admission::{Admission, Occupancy};
use super::scheduling::penalty::Penalty;
use crate::bindings::accounts::exports::edge::platform::accounts::{
    Account, Error as AccountError,
};
use crate::bindings::seeder::exports::edge::platform::seed::Progress;
use crate::guest::Granted;
use crate::guest::call::{Call, CallError};
use crate::guest::shared::{Bounds, Shared};
use crate::guest::state::State;
use crate::guest::stats::Stats;
use crate::telemetry::traces::{Work, text};

/// Constructor of a linker for components with a kind of handler.
pub type LinkerFn = fn(&Engine, HandlerKind) -> wasmtime::Result<Linker<State>>;

/// Settings of a plugin that the runtime needs besides its component.
#[derive(Clone)]
pub struct PluginSpec {
    /// Constructor of the linker with the interfaces that the host provides.
    pub linker: LinkerFn,
    /// Name of the plugin.
    pub name: String,
    /// Urgency with which the component is compiled.
    pub urgency: Urgency,
    /// Version of the release.
    pub version: String,
    /// Requests that an instance answers before it is dropped; `None` for a fresh instance per
    /// request.
    pub requests_per_instance: Option<u32>,
    /// Maximum number of concurrent instances.
    pub instances: u32,
    /// Maximum linear memory of one instance, in bytes.
    pub memory: u64,
    /// Maximum processor time of one request.
    pub cpu_time: Duration,
    /// Time limit for one request, waiting for an instance included.
    pub deadline: Duration,
    /// Time limit for waiting for a free instance.
    pub queue_timeout: Duration,
    /// Maximum length of a response body, in bytes.
    pub max_response: u64,
    /// Maximum number of host calls of one request.
    pub host_calls: u32,
    /// Stores, origins and other resources that the manifest grants.
    pub granted: Granted,
    /// Interfaces of other plugins that the plugin may call, and the plugins that may call the
    /// interfaces that it exports.
    pub calls: CallGrants,
}

/// A loaded release, ready to answer requests.
pub struct Plugin {
    shared: Arc<Shared>,
    admission: Admission,
    /// Permits for instances that run jobs (seeding, scheduled tasks, accounts), for which no
    /// client waits.
    jobs: Semaphore,
    penalty: Penalty,
    deadline: Duration,
    pre: InstancePre<State>,
    exports: Exports,
    service_exports: ServiceExports,
    service_imports: ServiceImports,
    calls: CallGrants,
    handler: Handler,
    // Dropped when the release and all of its instances are gone.
    _slots: Reservation,
}

enum Handler {
    Record(Box<RecordHandler>),
    WasiHttp(WasiHttpHandler),
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
    ServiceDoor,
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
    #[error("instantiates core modules that it imports, so nobody can tell what it needs")]
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
        let pool = runtime.pool(exports.handler)?;
        if spec.memory > pool.memory {
            return Err(LoadError::TooLarge {
                wanted: spec.memory,
                reserved: pool.memory,
            });
        }
        let aside = exports.aside();
        let slots = pool.reserve(spec.instances + aside)?;
        let engine = pool.engine.clone();
        let component = component(runtime, &engine, artifacts, wasm, spec.urgency).await?;
        let slots = slots.with_memories(memories(&component)?)?;
        inspect::check_imports(&engine, &component, &spec.granted, &spec.calls)?;
        if exports.handler != HandlerKind::Record && !exports.services.is_empty() {
            return Err(LoadError::ServiceDoor);
        }
        let service_exports = ServiceExports::of(&engine, &component, &exports.services);
        let mut linker = (spec.linker)(&engine, exports.handler).map_err(LoadError::Link)?;
        let service_imports = linking::add_to_linker(
            &mut linker,
            &engine,
            &component,
            &spec.calls,
            runtime.directory(),
        )
        .map_err(LoadError::Link)?;
        let pre = linker
            .instantiate_pre(&component)
            .map_err(LoadError::Link)?;
        component
            .initialize_copy_on_write_image()
            .map_err(LoadError::Link)?;

        let instances = (slots.count() - aside.min(slots.count() - 1)).max(1);
        let (deadline, queue_timeout) = (spec.deadline, spec.queue_timeout);
        let calls = spec.calls.clone();
        let stats = Arc::new(Stats::new().map_err(LoadError::Link)?);
        let shared = Arc::new(shared(runtime, engine, spec, stats));
        let handler =
            Handler::new(&shared, &pre, exports.handler, instances).map_err(LoadError::Link)?;
        let plugin = Self {
            shared,
            admission: Admission::new(instances, queue_timeout),
            jobs: Semaphore::new(aside.max(1) as usize),
            penalty: Penalty::default(),
            deadline,
            pre,
            exports,
            service_exports,
            service_imports,
            calls,
            handler,
            _slots: slots,
        };
        plugin.warm().await.map_err(LoadError::Warm)?;
        Ok(plugin)
    }

    /// Returns the time limit for one request.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns the name of the plugin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the counts of the requests and calls that this release has answered.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Returns the name of the system that stores the plugin's buckets, as metrics use it; empty if
    /// the plugin has no buckets.
    #[must_use]
    pub fn keyvalue_system(&self) -> &'static str {
        let mut buckets = self.shared.granted.buckets.values();
        buckets.next().map_or("", Bucket::system)
    }

    /// Returns the number of instances, of busy instances and of waiting requests.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.admission.occupancy()
    }

    /// Returns whether no instance is busy and no request waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.admission.is_idle()
    }

    /// Returns the handler and the interfaces that the component exports.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }

    pub(super) fn service_exports(&self) -> &ServiceExports {
        &self.service_exports
    }

    pub(super) fn call_grants(&self) -> &CallGrants {
        &self.calls
    }

    pub(super) fn service_imports(&self) -> &ServiceImports {
        &self.service_imports
    }

    /// Answers `request`, whose path is relative to the plugin's mount.
    ///
    /// # Errors
    /// Returns an error if no instance is free, or if the instance that answered failed or was
    /// ended; such an instance is dropped.
    pub async fn handle(
        self: &Arc<Self>,
        mut call: Call,
        request: http::Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let began = Instant::now();
        let work = self.enter(&mut call, || format!("{} handle", self.shared.name));
        let answer = self.place(call, request).await;
        self.stats().count(began.elapsed(), is_failure(&answer));
        self.end(work, answer.as_ref().err());
        answer
    }

    /// Answers on the node's own threads until the request is demoted, or on those of low priority
    /// from the beginning if many recent requests of the plugin were demoted or failed by its own
    /// fault.
    async fn place(
        self: &Arc<Self>,
        call: Call,
        request: http::Request<Bytes>,
    ) -> Result<Answer, CallError> {
        let background = &self.shared.background;
        let demotion = call.demotion.clone();
        let is_expected = self.penalty.is_penalized();
        let plugin = self.clone();
        let answering = async move { plugin.answer(call, request).await };
        let answer = match is_expected {
            true => background.run(answering).await,
            false => background.run_then_demote(&demotion, answering).await,
        };
        let answer = answer.unwrap_or_else(|error| Err(panicked(error)));
        let is_to_blame = answer.as_ref().is_err_and(CallError::is_plugins);
        self.penalty.note(demotion.is_set() || is_to_blame);
        if is_expected || demotion.is_set() {
            self.stats().count_background();
        }
        answer
    }

    /// Opens the span of a call of this plugin.
    fn enter(&self, call: &mut Call, name: impl FnOnce() -> String) -> Option<Work> {
        let mut work = call.enter(name)?;
        let Shared { name, version, .. } = &*self.shared;
        work.set([
            text("edge.plugin", name.to_string()),
            text("edge.release", format!("{name}@{version}")),
        ]);
        Some(work)
    }

    /// Counts the reason of a failed call, and ends the call's span.
    fn end(&self, work: Option<Work>, error: Option<&CallError>) {
        let Some(error) = error else { return };
        self.stats().count_reason(error.reason());
        if let Some(mut work) = work {
            work.fail(error.reason());
        }
    }

    async fn answer(&self, call: Call, request: http::Request<Bytes>) -> Result<Answer, CallError> {
        let permit = self.admission.admit(call.left(), self.stats()).await?;
        match &self.handler {
            Handler::Record(handler) => handler.handle(call, request).await,
            Handler::WasiHttp(handler) => Box::pin(handler.handle(call, request, permit)).await,
        }
    }

    /// Calls `function` of `interface` on behalf of the other plugin that `call` names.
    ///
    /// # Errors
    /// Returns an error if the manifest does not let that plugin call. Such a call is not counted
    /// in this release's statistics, which a foreign plugin must not worsen. Returns the errors of
    /// [`handle`](Self::handle) otherwise.
    pub(super) async fn call_service(
        &self,
        mut call: Call,
        interface: &str,
        function: &str,
        parameters: &[Val],
        results: &mut [Val],
    ) -> Result<(), ServiceCallError> {
        let caller = call.calling_plugin.as_deref();
        if !caller.is_some_and(|caller| self.calls.admits(interface, caller)) {
            let provider = self.name().to_owned();
            return Err(ServiceCallError::Denied { provider });
        }
        let export = self.service_exports.find(interface, function);
        let (Some(export), Handler::Record(handler)) = (export, &self.handler) else {
            // Checked when the directory of plugins was published.
            return Err(ServiceCallError::NoProvider);
        };
        let began = Instant::now();
        let mut work = self.enter(&mut call, || format!("{interface} {function}"));
        if let Some(work) = &mut work {
            work.set([
                text("rpc.service", interface.to_owned()),
                text("rpc.method", function.to_owned()),
            ]);
        }
        let called = async {
            let _permit = self.admission.admit(call.left(), self.stats()).await?;
            Box::pin(handler.call(call, export, parameters, results)).await
        };
        let outcome = called.await;
        self.stats().count_call(began.elapsed(), outcome.is_err());
        self.end(work, outcome.as_ref().err());
        Ok(outcome?)
    }

    /// Runs one step of filling the plugin's tables; see `edge:platform/seed`.
    ///
    /// # Errors
    /// Returns an error if the instance failed. The inner error is the plugin's reason for not
    /// continuing.
    pub async fn seed_step(
        &self,
        goal: Option<u64>,
    ) -> Result<Result<Progress, String>, CallError> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { jobs::seed(&shared, &pre, goal).await })
            .await
    }

    /// Runs one piece of the scheduled `task`; see `edge:platform/schedule`.
    ///
    /// # Errors
    /// Returns an error if the instance failed. The inner error is the plugin's reason for not
    /// continuing.
    pub async fn run_task(
        &self,
        call: Call,
        task: String,
    ) -> Result<Result<(), String>, CallError> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { jobs::task(&shared, &pre, call, &task).await })
            .await
    }

    /// Creates or changes an account, and returns its id; see `edge:platform/accounts`.
    ///
    /// # Errors
    /// Returns an error if the instance failed, if the plugin refuses the account, or if the
    /// account could never log in because the manifest lets the plugin issue no token with its
    /// role.
    pub async fn keep_account(
        &self,
        task: AccountTask,
        account: Account,
    ) -> Result<Result<i64, AccountError>, CallError> {
        let roles = &self.shared.granted.token_roles;
        if !roles.contains(&account.role) {
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            return Ok(Err(AccountError::Other(format!(
                "role: {} may have one of these: {} (`roles` in [grants.identity] of its manifest)",
                self.name(),
                roles.join(", ")
            ))));
        }
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { jobs::account(&shared, &pre, task, &account).await })
            .await
    }

    /// Runs a job on the threads of low priority, since no client waits for it.
    async fn run_job<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl Future<Output = Result<Result<T, E>, CallError>> + Send + 'static,
    ) -> Result<Result<T, E>, CallError> {
        // The semaphore is never closed, so this never fails.
        let _place = self.jobs.acquire().await;
        let done = self.shared.background.run(work).await;
        done.unwrap_or_else(|error| Err(panicked(error)))
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

/// Returns the number of linear memories that one instance takes.
fn memories(component: &Component) -> Result<u32, LoadError> {
    let required = component.resources_required();
    let required = required.ok_or(LoadError::ForeignModules)?;
    Ok(required.num_memories)
}

/// Returns the error for a panic of the host's own code, which fails that request and nothing else.
fn panicked(error: JoinError) -> CallError {
    CallError::Trap(wasmtime::Error::new(error))
}

/// Returns whether an answer is a failure by no fault of the client.
pub(crate) fn is_failure(answer: &Result<Answer, CallError>) -> bool {
    match answer {
        Ok(Answer::Response(response)) => response.status().is_server_error(),
        Ok(Answer::Failure(failure)) => failure.status >= 500,
        Err(_) => true,
    }
}

/// Returns `wasm`, compiled. The cache is read first, so that a component compiled before does not
/// queue behind other compilations.
async fn component(
    runtime: &Runtime,
    engine: &Engine,
    artifacts: &Arc<Artifacts>,
    wasm: Bytes,
    urgency: Urgency,
) -> Result<Component, ArtifactError> {
    let (for_engine, cache, bytes) = (engine.clone(), artifacts.clone(), wasm.clone());
    let loading = move || cache.cached(&for_engine, &bytes);
    let loaded = runtime.background().run_blocking(loading).await;
    match loaded.map_err(|_| panicked_while("loading compiled code"))? {
        Some(component) => Ok(component),
        None => compile(engine, runtime.compilers().of(urgency), artifacts, wasm).await,
    }
}

async fn compile(
    engine: &Engine,
    compilers: &Arc<ThreadPool>,
    artifacts: &Arc<Artifacts>,
    wasm: Bytes,
) -> Result<Component, ArtifactError> {
    let (engine, artifacts) = (engine.clone(), artifacts.clone());
    let (reply, compiled) = oneshot::channel();
    compilers.spawn(move || {
        // The requester may have left while other components were compiled.
        if !reply.is_closed() {
            let _ = reply.send(artifacts.component(&engine, &wasm));
        }
    });
    let compiled = compiled.await;
    compiled.unwrap_or_else(|_| Err(panicked_while("compiling")))
}

fn panicked_while(work: &str) -> ArtifactError {
    ArtifactError(wasmtime::Error::msg(format!("{work} panicked")))
}

fn shared(runtime: &Runtime, engine: Engine, spec: PluginSpec, stats: Arc<Stats>) -> Shared {
    Shared {
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
        stats,
    }
}
