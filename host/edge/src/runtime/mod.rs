//! Running of plugins: the engines, compiled components, instances and their limits, and the
//! handlers through which a request reaches them.
//!
//! A trap, an exceeded limit or a passed deadline ends the request concerned and the instance that
//! it ran in, and nothing else.

pub mod engine;
mod handlers;
mod linking;
mod plugin;
mod scheduling;

pub use engine::compilers::Urgency;
pub use engine::slots::NoRoom;
pub use engine::{Demand, EngineError, Runtime};
pub(crate) use handlers::answer::headers;
pub use handlers::answer::{Answer, Body};
pub use linking::{
    CallGrants, Directory, LinkedPlugin, MissingImports, Provider, ServiceCall, ServiceCallError,
    ServiceError, ServiceLinks, check,
};
pub(crate) use plugin::is_failure;
pub use plugin::{AccountTask, LinkerFn, LoadError, Plugin, PluginSpec};
pub use scheduling::admission::Occupancy;
