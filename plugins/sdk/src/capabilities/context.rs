//! On whose behalf the plugin works right now: for what has no
//! [`Request`](crate::Request), such as calls from other plugins.

use std::time::Duration;

use crate::bindings::edge::platform::context as host;

pub use crate::bindings::edge::platform::context::{Caller, Principal};

/// Returns who asks, as far as the host could verify it.
#[must_use]
pub fn caller() -> Caller {
    host::get_caller()
}

/// Returns the id that names the request in every log line and error reply.
#[must_use]
pub fn request_id() -> String {
    host::request_id()
}

/// Returns the time that is left until the host ends the call.
#[must_use]
pub fn time_left() -> Duration {
    Duration::from_millis(host::time_left_ms().into())
}

/// Returns the name of the plugin whose call this one answers; `None` when the call
/// began in the host: a client's request, scheduled work, seeding.
///
/// The host has let only callers through that the manifest's `[exports]` admit.
/// This is for an interface that answers its callers differently.
#[must_use]
pub fn calling_plugin() -> Option<String> {
    host::calling_plugin()
}
