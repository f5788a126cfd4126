//! Settings with which a release is loaded.

use std::time::Duration;

use bundle::component::HandlerKind;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::guest::Granted;
use crate::guest::state::State;
use crate::runtime::engine::compilers::Urgency;
use crate::runtime::linking::CallGrants;

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
