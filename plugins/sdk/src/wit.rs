//! The records that cross the border between host and plugin, as WIT declares them.
//! A plugin seldom needs them: its handlers see [`Request`](crate::Request) and its kin.

pub use crate::bindings::accounts::exports::edge::platform::accounts::{
    Account, Error as AccountError,
};
pub use crate::bindings::edge::platform::context::{Caller, Principal};
pub use crate::bindings::exports::edge::platform::handler::{Failure, Request, Response};
pub use crate::bindings::seeder::exports::edge::platform::seed::Progress;

/// Result of `edge:platform/handler` for one request.
pub type Answer = core::result::Result<Response, Failure>;
