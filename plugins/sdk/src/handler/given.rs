//! A request of a test, which has no host to ask.

use std::time::Duration;

use crate::wit::Caller;

/// A request with all that a handler can ask for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Id that names the request in log lines.
    pub id: String,
    /// Method, in upper case.
    pub method: String,
    /// Path, percent-encoded.
    pub path: String,
    /// Text after `?`.
    pub query: Option<String>,
    /// Header fields: name in lower case, value.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// IP address of the client.
    pub client: String,
    /// Who asks.
    pub caller: Caller,
    /// Time that is left until the host would end the request.
    pub time_left: Duration,
}
