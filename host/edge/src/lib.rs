//! The edge node: a hyper host that runs each service as a sandboxed
//! WebAssembly component and gives it databases and nothing else.
//!
//! Rooms, from roof to ground; imports only go down:
//! [`node`] puts a node together, [`ingress`] speaks HTTP, [`admin`] listens to
//! operators, [`registry`] fetches what they deploy, [`rollout`] leads releases to where they serve, [`runtime`] runs instances,
//! [`capabilities`] are what instances may import, [`stores`], [`identity`]
//! and [`egress`] are the real things behind them, and [`config`] and
//! [`telemetry`] serve all.

mod accept;
mod address;
pub mod admin;
pub mod bindings;
pub mod capabilities;
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
pub mod rollout;
pub mod runtime;
pub mod telemetry;
mod thread_priority;
