//! A release, compiled and ready: the one way for a request to reach it.

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

/// Returns a linker for components of a kind.
pub type LinkerFn = fn(&Engine, HandlerKind) -> wasmtime::Result<Linker<State>>;

/// What the runtime needs to know of a plugin besides its component.
#[derive(Clone)]
pub struct PluginSpec {
    /// Makes the linker of the interfaces that the host has for components.
    pub linker: LinkerFn,
    /// The plugin's name.
    pub name: String,
    /// How urgently it is wanted.
    pub urgency: Urgency,
    /// Its version.
    pub version: String,
    /// How many requests an instance answers; `None` for a fresh one each.
    pub requests_per_instance: Option<u32>,
    /// Instances at once.
    pub instances: u32,
    /// Linear memory of one instance, in bytes.
    pub memory: u64,
    /// Processor time of one request.
    pub cpu_time: Duration,
    /// Time of one request, waiting included.
    pub deadline: Duration,
    /// How long a request waits for a free instance.
    pub queue_timeout: Duration,
    /// Longest response body, in bytes.
    pub max_response: u64,
    /// Calls into the host for one request.
    pub host_calls: u32,
    /// What it may use.
    pub granted: Granted,
    /// Which interfaces of other plugins it may call, and who may call its own.
    pub calls: CallGrants,
}

/// A release that can answer requests.
pub struct Plugin {
    shared: Arc<Shared>,
    admission: Admission,
    /// Instances for work that no client waits for.
    jobs: Semaphore,
    penalty: Penalty,
    deadline: Duration,
    pre: InstancePre<State>,
    exports: Exports,
    service_exports: ServiceExports,
    service_imports: ServiceImports,
    calls: CallGrants,
    handler: Handler,
    // Given back when the release is gone, its instances included.
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

/// A component could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be compiled.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Its imports or exports do not fit.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It does not link: an interface is there, but not as it is imported.
    #[error("does not fit this host's interfaces: {0:#}")]
    Link(wasmtime::Error),
    /// Other plugins cannot call it.
    #[error(
        "exports an interface for other plugins, which only plugins behind \
             edge:platform/handler can"
    )]
    ServiceDoor,
    /// The manifest protects what is not there.
    #[error("exports no {0}, which [exports] in the manifest names")]
    NoSuchExport(String),
    /// There is no engine for it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine has no room for its instances.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// An instance of it does not fit.
    #[error("asks for {wanted} bytes of memory for an instance; this node reserved {reserved}")]
    TooLarge {
        /// What its manifest asks for.
        wanted: u64,
        /// What there is.
        reserved: u64,
    },
    /// What an instance of it takes is not known before.
    #[error("instantiates core modules that it imports, so nobody can tell what it needs")]
    ForeignModules,
    /// Its first instance failed.
    #[error("its first instance failed: {0}")]
    Warm(CallError),
}

impl Plugin {
    /// Compile `wasm`, whose exports were read before, check what it imports,
    /// and make a first instance of it.
    ///
    /// # Errors
    /// Says which of these failed, and how.
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

    /// How long a request to this plugin may take.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What it has answered so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// What its buckets are kept in, as metrics call it; empty without any.
    #[must_use]
    pub fn keyvalue_system(&self) -> &'static str {
        let mut buckets = self.shared.granted.buckets.values();
        buckets.next().map_or("", Bucket::system)
    }

    /// How many instances it may have, how many work right now, and how many
    /// requests wait for one.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.admission.occupancy()
    }

    /// Whether it works on nothing right now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.admission.is_idle()
    }

    /// What the component exports.
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

    /// Let the plugin answer `request`, whose path is the plugin's own
    /// (without a mount).
    ///
    /// # Errors
    /// When no instance is free, or the one that answered failed or was
    /// ended; that instance is gone then.
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

    /// Answer on the threads that the request belongs on: those where it is,
    /// until it turns out to be unhurried, or those in the background from the
    /// beginning, where many of its like were so of late, or failed.
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

    /// Begin the span of a call of this plugin.
    fn enter(&self, call: &mut Call, name: impl FnOnce() -> String) -> Option<Work> {
        let mut work = call.enter(name)?;
        let Shared { name, version, .. } = &*self.shared;
        work.set([
            text("edge.plugin", name.to_string()),
            text("edge.release", format!("{name}@{version}")),
        ]);
        Some(work)
    }

    /// Count how a call ended, and end its span.
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

    /// Call `function` of `interface` for another plugin, which `call` names.
    ///
    /// # Errors
    /// When the manifest does not let that plugin call, of which nothing is
    /// counted here: a stranger must not make this release look worse. Or as
    /// [`handle`](Self::handle).
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
            // Checked when the plugins were put together.
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

    /// One step of filling the plugin's tables; see `edge:platform/seed`.
    ///
    /// # Errors
    /// When the instance failed, or the plugin says why it cannot go on.
    pub async fn seed_step(
        &self,
        goal: Option<u64>,
    ) -> Result<Result<Progress, String>, CallError> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { jobs::seed(&shared, &pre, goal).await })
            .await
    }

    /// One piece of the scheduled `task`; see `edge:platform/schedule`.
    ///
    /// # Errors
    /// When the instance failed, or the plugin says why it cannot go on.
    pub async fn run_task(
        &self,
        call: Call,
        task: String,
    ) -> Result<Result<(), String>, CallError> {
        let (shared, pre) = (self.shared.clone(), self.pre.clone());
        self.run_job(async move { jobs::task(&shared, &pre, call, &task).await })
            .await
    }

    /// Makes or changes an account, and returns its id; see
    /// `edge:platform/accounts`.
    ///
    /// # Errors
    /// When the instance failed, the plugin refuses the account, or it could
    /// never log in: the manifest lets the plugin issue no token with its role.
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

    /// Work that no client waits for gives way to all that one does.
    async fn run_job<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl Future<Output = Result<Result<T, E>, CallError>> + Send + 'static,
    ) -> Result<Result<T, E>, CallError> {
        // Never closed, so there always comes one.
        let _place = self.jobs.acquire().await;
        let done = self.shared.background.run(work).await;
        done.unwrap_or_else(|error| Err(panicked(error)))
    }

    /// A first instance, so that no request is the one to find out that there
    /// can be none.
    async fn warm(&self) -> Result<(), CallError> {
        match &self.handler {
            Handler::Record(handler) => handler.warm().await,
            Handler::WasiHttp(handler) => handler.warm().await,
        }
    }
}

/// Linear memories of one instance.
fn memories(component: &Component) -> Result<u32, LoadError> {
    let required = component.resources_required();
    let required = required.ok_or(LoadError::ForeignModules)?;
    Ok(required.num_memories)
}

/// The host's own mistake, which costs the request and nothing else.
fn panicked(error: JoinError) -> CallError {
    CallError::Trap(wasmtime::Error::new(error))
}

/// Whether the request failed by no fault of the client.
/// Returns whether an answer is a failure by no fault of the client.
pub(crate) fn is_failure(answer: &Result<Answer, CallError>) -> bool {
    match answer {
        Ok(Answer::Response(response)) => response.status().is_server_error(),
        Ok(Answer::Failure(failure)) => failure.status >= 500,
        Err(_) => true,
    }
}

/// Returns `wasm`, compiled: from the cache if it is there, so that what ran
/// here before waits for no compiler that is at work on something else.
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
        // Who asked may have left while others compiled.
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
