//! Stages of one request, from its head to its reply.
//!
//! [`service`] runs them in their order over the facts of an [`exchange`]. A request is routed
//! ([`routing`], [`canary`]), checked ([`head_rules`], [`limits`]), answered by its plugin
//! ([`plugin_call`], or the cache by [`cached_reply`]) or by [`cors`], completed ([`reply_headers`], [`compression`],
//! [`head_reply`]) and recorded ([`access_log`], [`span`]).

mod access_log;
mod cached_reply;
mod canary;
mod canary_cookie;
mod client_address;
mod compression;
mod cors;
mod exchange;
mod head_reply;
mod head_rules;
mod limits;
mod masked_path;
mod plugin_call;
mod reply_headers;
mod request_body;
mod routing;
mod service;
mod span;

pub use canary::CanaryRouting;
pub use limits::RateLimits;
pub use service::Service;
