//! Calls between plugins.
//!
//! A plugin's import of an interface that is neither WASI's nor the
//! platform's is bound to whichever plugin exports it, found at each call:
//! either side can be replaced alone, and nothing here knows any interface by
//! name. Values cross as [`Val`](wasmtime::component::Val)s, from one
//! instance's memory into the other's; resources do not cross.
//!
//! A call needs two grants: the caller's manifest names the interface, and the
//! manifest of whoever exports it does not keep the caller out. Both are
//! checked when a release is made ready. The second is checked again at each
//! call, since either side may have been replaced meanwhile.

mod directory;
mod error_case;
mod exports;
mod grants;
mod imports;

pub use directory::{Directory, MissingImports, Provider, check};
pub use exports::ServiceError;
pub(super) use exports::{Export, ServiceExports};
pub use grants::CallGrants;
pub(super) use imports::{ServiceCallError, ServiceImports, add_to_linker};
