//! The edge node: a hyper host that runs each service as a sandboxed WebAssembly component and
//! gives it what its manifest grants.
//!
//! Modules from top to bottom; imports only go down, and `tests/layers` fails where one does not.
//! [`cli`] has the commands, [`node`] puts a node together, [`admin`] answers operators, [`ingress`]
//! answers clients, from the [`reply_cache`] where it can, [`registry`] fetches bundles from OCI registries, [`rollout`] prepares releases
//! and makes them serve. [`capabilities`] are the interfaces that components import, and [`runtime`] runs
//! components; both build on [`guest`], the state of one instance. [`identity`] and [`egress`] are
//! used by capabilities, as the crate `stores` is. [`telemetry`] and [`config`] are used by all.

#![warn(unreachable_pub)]

mod accept;
mod address;
pub mod admin;
pub mod bindings;
pub mod capabilities;
pub mod cli;
pub mod config;
pub mod descriptors;
pub mod egress;
mod framing;
pub mod guest;
pub mod identity;
pub mod ingress;
pub mod node;
pub mod openapi;
pub mod printable;
pub mod registry;
pub mod reply_cache;
pub mod rollout;
pub mod runtime;
pub mod telemetry;
mod thread_priority;
