//! Outgoing HTTP calls and mail of plugins.

pub mod http;
pub mod mail;
