//! Limits on what one instance may make the host keep or do for it, besides its own memory.
//! Together they bound the host's memory for an instance: the number of entries in its resource
//! table is limited, and so is the size of each.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::WasiHttpCtx;

use super::ambient::AmbientUse;
use super::output::Output;

/// Maximum number of host resources that an instance may hold at once: streams, header fields,
/// bodies, timers, transactions, buckets.
const MOST_RESOURCES: usize = 512;

/// Maximum length of all names and values of one set of HTTP header fields, in bytes.
const MOST_FIELDS: usize = 64 << 10;

/// Length of one chunk of an outgoing body in bytes; a body holds two of them.
pub(crate) const BODY_CHUNK: usize = 32 << 10;

/// Maximum number of random bytes for one call.
const MOST_RANDOM: u64 = 1 << 20;

/// Returns a WASI context without files, sockets or environment variables.
pub(crate) fn wasi(output: &Output, ambient: &AmbientUse) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    ambient.install(&mut wasi);
    wasi.stdout(output.clone())
        .stderr(output.clone())
        // Disabled, since a socket takes a file descriptor even where no address can be reached.
        .allow_tcp(false)
        .allow_udp(false)
        .max_random_size(MOST_RANDOM)
        .build()
}

/// Returns a `wasi:http` context with bounded header fields.
pub(crate) fn http() -> WasiHttpCtx {
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(MOST_FIELDS);
    http
}

/// Returns a resource table with a maximum number of entries.
pub(crate) fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MOST_RESOURCES);
    table
}
