//! The node from the outside: real plugins, real databases, real sockets.
//!
//! One binary for all of it, so that the node is linked once.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod adopt;
mod buckets;
mod cache;
mod calls;
mod catalog;
mod edge;
mod examples;
mod exports;
mod harness;
mod identity;
mod ingress;
mod keyvalue;
mod limiter;
mod limits;
mod mail;
mod mysql;
mod observability;
mod operate;
mod outbound;
mod owasp;
mod plugin_config;
mod promises;
mod rollout;
mod schedule;
mod shop;
mod sql;
mod startup;
