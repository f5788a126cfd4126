//! Provider of interfaces for other plugins.

use std::sync::Arc;

use super::links::LinkedPlugin;

/// An active release of a plugin, and its canary if there is one.
#[derive(Clone)]
pub struct Provider {
    pub(super) active: Arc<dyn LinkedPlugin>,
    /// Canary release, and the percentage of clients that it answers.
    pub(super) canary: Option<(Arc<dyn LinkedPlugin>, u8)>,
}

impl Provider {
    /// Returns the provider whose release `active` answers all clients.
    #[must_use]
    pub fn new(active: Arc<dyn LinkedPlugin>) -> Self {
        Self {
            active,
            canary: None,
        }
    }

    /// Lets the release `canary` answer `percent` of the clients.
    #[must_use]
    pub fn with_canary(self, canary: Arc<dyn LinkedPlugin>, percent: u8) -> Self {
        Self {
            canary: Some((canary, percent)),
            ..self
        }
    }

    /// Returns the canary, or the active release without one.
    pub(super) fn newest(&self) -> &Arc<dyn LinkedPlugin> {
        let canary = self.canary.as_ref().map(|(canary, _)| canary);
        canary.unwrap_or(&self.active)
    }
}
