//! Macros that make a crate a plugin.

mod export;
mod services;
