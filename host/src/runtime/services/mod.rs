//! Calls between plugins.
//!
//! A plugin's import of an interface that is neither WASI's nor the
//! platform's is bound to whichever plugin exports it, found at each call:
//! either side can be replaced alone, and nothing here knows any interface by
//! name. Values cross as [`Val`](wasmtime::component::Val)s, from one
//! instance's memory into the other's; resources do not cross.

mod directory;
mod exports;
mod imports;
mod unavailable;

pub use directory::{Directory, Gaps, Provider, check};
pub use exports::ServiceError;
pub(super) use exports::{Export, ServiceExports};
pub(super) use imports::{ServiceImports, add_to_linker};

/// Plugins that may call each other in a row: more is a circle.
pub(super) const MOST_DEPTH: u32 = 8;
