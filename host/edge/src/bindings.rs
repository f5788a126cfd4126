//! Host bindings of the WIT package `edge:platform`, generated from `wit/platform`.

#![allow(
    missing_docs,
    clippy::all,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "generated; the WIT files carry the documentation"
)]

/// Bindings of the record handler, and of the interfaces that plugins import.
pub mod plugin {
    wasmtime::component::bindgen!({
        path: "../../wit/platform",
        world: "plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "edge:platform/sql.transaction": stores::sql::OpenTransaction,
            "wasi:keyvalue/store.bucket": stores::keyvalue::Bucket,
            "wasi:keyvalue/atomics.cas": stores::keyvalue::CompareAndSwap,
        },
    });
}

/// Bindings of plugins that fill their own empty tables.
pub mod seeder {
    wasmtime::component::bindgen!({
        path: "../../wit/platform",
        world: "seeder",
        exports: { default: async },
    });
}

/// Bindings of plugins with periodic work.
pub mod scheduled {
    wasmtime::component::bindgen!({
        path: "../../wit/platform",
        world: "scheduled",
        exports: { default: async },
    });
}

/// Bindings of the plugin that keeps the accounts.
pub mod accounts {
    wasmtime::component::bindgen!({
        path: "../../wit/platform",
        world: "account-keeper",
        exports: { default: async },
    });
}

pub use plugin::edge::platform::{context, identity, mail, metrics, rate_limit, request, sql};
pub use plugin::exports::edge::platform::handler;
pub use plugin::wasi::config::store as config;
pub use plugin::wasi::keyvalue;
