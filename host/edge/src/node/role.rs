//! Purpose for which a process loads plugins.

use super::error::StartError;
use crate::rollout::Desired;

/// Role of a process that loads plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A node that is going to serve. Its keys must match those of the other nodes. A plugin that
    /// cannot be served now is deferred: the others are served, and it is tried again later.
    Node,
    /// A command, which signs nothing and needs every plugin.
    Command,
}

impl Role {
    /// Returns whether a plugin that failed to load with `error` is deferred. A release from the
    /// log has served before, so its failure does not stop the others. A new one from a folder is
    /// deferred only if a store did not answer.
    pub(super) fn defers(self, desired: &Desired, error: &StartError) -> bool {
        let may_pass = match error {
            StartError::Load(error) => error.is_transient(),
            StartError::Migrate(error) => error.is_transient(),
            _ => false,
        };
        self == Self::Node && (desired.folder.is_none() || may_pass)
    }
}
