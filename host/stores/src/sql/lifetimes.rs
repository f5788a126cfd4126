//! How long a node keeps connections to a database server.

use std::time::Duration;

/// When a connection is closed, for the server's sake.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Once nobody has needed it for so long: the server keeps some memory and
    /// a thread for each.
    pub idle_timeout: Duration,
    /// Once it is so old and has nothing to do: the server may have grown a
    /// lot of memory for it, and its name may lead elsewhere by now.
    pub max_lifetime: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_mins(10),
            max_lifetime: Duration::from_mins(30),
        }
    }
}
