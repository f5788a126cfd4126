//! What one instance may take of the host's memory.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::stats::Stats;

/// Refuses growth past the manifest's limit, and remembers that it did: a
/// guest that is refused memory usually traps, and the log should say why.
pub struct MemoryLimit {
    most: usize,
    refused: bool,
    stats: Arc<Stats>,
}

impl MemoryLimit {
    pub(super) fn new(most: usize, stats: Arc<Stats>) -> Self {
        Self {
            most,
            refused: false,
            stats,
        }
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.most;
        self.refused |= !fits;
        if fits {
            self.stats.note_memory(desired);
        }
        Ok(fits)
    }

    /// Tables have the pool's fixed size.
    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}
