//! Demand of a node's plugins on an engine.

/// Minimum linear memory of a slot in a pool for plugins that are deployed later, in bytes. Only
/// address space is taken until it is used.
const SPARE_SLOT_BYTES: u64 = 128 << 20;

/// Total demand of the plugins with one kind of handler on their engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// Concurrent instances, over all plugins.
    pub instances: u32,
    /// Linear memory of the largest instance, in bytes.
    pub memory: u64,
}

impl Demand {
    /// Returns the demand with room for a second release of every plugin, and for `spare` instances
    /// of plugins that are deployed later.
    #[must_use]
    pub fn with_room(self, spare: u32) -> Self {
        Self {
            instances: self.instances.saturating_mul(2).saturating_add(spare),
            memory: self.memory.max(SPARE_SLOT_BYTES),
        }
    }

    /// Adds one plugin's demand.
    pub fn add(&mut self, instances: u32, memory: u64) {
        self.instances += instances;
        self.memory = self.memory.max(memory);
    }
}
