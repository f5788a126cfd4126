//! Numbers of connections to a database, and their lifetimes.

use std::time::Duration;

/// Time limits after which connections are closed.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Time without use after which a connection is closed: the server keeps a
    /// thread and some memory for each.
    pub idle_timeout: Duration,
    /// Age after which a connection is closed once it is idle: by then, the
    /// server may hold much memory for it, and its host name may resolve to
    /// another address.
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

/// Numbers of connections in one grant's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Connections in use.
    pub used: usize,
    /// Connections that are open and idle.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Largest number of connections that the pool may open.
    pub most: usize,
}
