//! The operators' port: its listener, the tokens that it accepts, and changes that
//! are finished without their client.

mod auth;
mod detached;
mod listener;

pub(super) use auth::{Actor, require};
pub use auth::{AdminTokens, TokensError};
pub(super) use detached::finish;
pub use listener::{Admin, AdminError};
