//! On whose behalf the plugin works right now: for what has no
//! [`Request`](crate::Request), such as calls from other plugins.

pub use crate::bindings::edge::platform::context::{Caller, Context, Principal};

/// Returns the context of the call that the plugin answers.
#[must_use]
pub fn current() -> Context {
    crate::bindings::edge::platform::context::current()
}

/// Returns the name of the plugin whose call this one answers; `None` when the call
/// began in the host: a client's request, scheduled work, seeding.
///
/// The host has let only callers through that the manifest's `[exports]` admit.
/// This is for an interface that answers its callers differently.
#[must_use]
pub fn calling_plugin() -> Option<String> {
    crate::bindings::edge::platform::context::calling_plugin()
}
