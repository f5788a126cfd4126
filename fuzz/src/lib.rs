//! What reads texts from outside, for fuzzing: the host's own files, without
//! the rest of the host, which with its WebAssembly compiler would take half an
//! hour to build in this way.
//!
//! The types of the WIT interfaces that they use come from the plugins' side of
//! the same interfaces.

#![allow(dead_code, reason = "the files hold more than is fuzzed")]

pub mod ingress;
pub mod rollout;
pub mod stores;
pub mod telemetry;

/// Of the runtime, only what writing a bundle for a registry asks of it, which
/// nothing here does.
pub mod runtime {
    /// What a component imports and exports.
    pub mod inspect {
        /// The names of both.
        pub struct Names {
            /// What it needs.
            pub imports: Vec<String>,
            /// What it offers.
            pub exports: Vec<String>,
        }

        /// No component is read here.
        pub fn names(_: &[u8]) -> Result<Names, &'static str> {
            Err("components are not read")
        }
    }
}

/// The types that both sides of the interfaces have.
pub mod bindings {
    /// Of `edge:platform/sql`.
    pub mod sql {
        pub use edge_sdk::bindings::edge::platform::sql::{Dialect, Error};
    }
}
