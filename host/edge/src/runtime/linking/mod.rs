//! Calls between plugins.
//!
//! An import of an interface that belongs neither to WASI nor to the platform is bound to the
//! plugin that exports it, which is looked up at each call. So either side can be replaced alone,
//! and the host knows no such interface by name. Values are copied as
//! [`Val`](wasmtime::component::Val)s from one instance's memory into the other's; resources cannot
//! be passed.
//!
//! A call needs two grants: the caller's manifest names the interface, and the callee's manifest
//! does not exclude the caller. Both are checked when a release is prepared. The second is checked
//! again at each call, since either side may have been replaced meanwhile.

mod check;
mod directory;
mod error_case;
mod exports;
mod grants;
mod imports;
mod links;
mod provider;

pub use check::{MissingImports, ServiceError, check};
pub use directory::Directory;
pub(super) use exports::{Export, ServiceExports};
pub use grants::CallGrants;
pub(super) use imports::add_to_linker;
pub use links::{LinkedPlugin, ServiceCall, ServiceCallError, ServiceLinks};
pub use provider::Provider;
