//! On whose behalf the plugin works right now: for what has no
//! [`Request`](crate::Request), such as calls from other plugins.

pub use crate::bindings::edge::platform::context::{Caller, Context, Principal};

/// The context of the call that the plugin answers.
#[must_use]
pub fn current() -> Context {
    crate::bindings::edge::platform::context::current()
}
