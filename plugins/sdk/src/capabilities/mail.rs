//! Outgoing mail. Sending takes as long as the mail server does: requests
//! write a row into a table of the plugin's own, and scheduled work sends it.

use crate::bindings::edge::platform::mail as host;

pub use host::Message;

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The message can never be sent; the text says why.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A limit of calls or bytes was passed; the text names it.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The mail server did not take it; worth another try later.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// Hands one message to the mail server.
///
/// # Errors
/// Says whether another try is worth it.
pub fn send(message: &Message) -> Result<(), Error> {
    host::send(message).map_err(|error| match error {
        host::Error::Invalid(why) => Error::Invalid(why),
        host::Error::TooLarge(limit) => Error::TooLarge(limit),
        host::Error::Unavailable(why) => Error::Unavailable(why),
    })
}
