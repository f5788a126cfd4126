//! Running plugins: the engine, compiled components, instances, their limits
//! and the doors through which a request reaches them.
//!
//! A trap, an exceeded limit or a passed deadline costs the request that met
//! it and the instance it ran in, and nothing else.

mod admission;
mod answer;
pub mod artifacts;
mod average;
mod background;
mod call;
pub mod compiled_cache;
mod compilers;
mod conduct;
mod draw;
mod engine;
mod errands;
mod fast;
mod host_calls;
mod host_memory;
pub mod inspect;
mod limits;
mod meter;
mod plugin;
mod reads;
mod reserved;
mod services;
mod session;
mod shared;
mod slots;
mod standard;
mod state;
mod stats;
mod stderr;
mod turns;

pub use admission::Occupancy;
pub(crate) use answer::headers;
pub use answer::{Answer, Body};
pub use background::Unhurried;
pub use call::{Call, CallError};
pub use compilers::Urgency;
pub use draw::Draw;
pub use engine::{Demand, EngineError, Runtime};
pub use errands::AccountTask;
pub use host_calls::{End, Ending, HostCall, HostCalls, Operation, Room};
pub(crate) use host_memory::BODY_CHUNK;
pub(crate) use plugin::is_failure;
pub use plugin::{LoadError, Plugin, PluginSpec};
pub use reads::Reads;
pub use services::{CallGrants, Directory, Gaps, Provider, ServiceError, check};
pub use session::Session;
pub use slots::NoRoom;
pub use state::State;
pub use stats::{Sample, Stats, Tally};
