//! Limit on the linear memories and tables of one instance, the sum over its core instances.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::stats::Stats;

/// Maximum number of core instances of one component instance. A Rust component of the target
/// `wasm32-wasip2` takes 3 or 4; composed components take more.
pub(crate) const MOST_CORE_INSTANCES: u32 = 16;

/// Maximum number of tables of one component instance, with room for composed components.
pub(crate) const MOST_TABLES: u32 = 8;

/// Maximum number of linear memories of one component instance. A composed component takes one for
/// each of its parts.
pub(crate) const MOST_MEMORIES: u32 = 16;

/// Bytes of one entry of a table.
const TABLE_ELEMENT: usize = 16;

/// Part of the limit, in eighths, past which an instance is not kept for another request, so that
/// an instance that leaks memory is replaced before a request reaches the limit.
const KEPT_EIGHTHS: usize = 7;

/// Limiter that refuses growth past the manifest's limit, which applies to the sum of an instance's
/// memories and tables. A refusal is remembered, because a guest that is refused memory usually
/// traps, and the log should say why.
pub(crate) struct MemoryLimit {
    most: usize,
    used: usize,
    refused: bool,
    stats: Arc<Stats>,
}

impl MemoryLimit {
    pub(crate) fn new(most: usize, stats: Arc<Stats>) -> Self {
        Self {
            most,
            used: 0,
            refused: false,
            stats,
        }
    }

    pub(crate) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Returns the bytes that the instance holds.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Returns whether too little memory is left for another request.
    pub(super) fn is_nearly_used_up(&self) -> bool {
        self.used > self.most / 8 * KEPT_EIGHTHS
    }

    /// Counts `more` bytes if they fit. Bytes granted here stay counted if the growth fails
    /// elsewhere, from which no guest gains.
    fn take(&mut self, more: usize) -> bool {
        let used = self
            .used
            .checked_add(more)
            .filter(|used| *used <= self.most);
        match used {
            Some(used) => self.used = used,
            None => self.refused = true,
        }
        used.is_some()
    }
}

/// Returns whether a guest asks for more than its own module declares, which wasmtime refuses by
/// itself.
fn is_beyond(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = !is_beyond(desired, maximum) && self.take(desired.saturating_sub(current));
        if fits {
            self.stats.note_memory(self.used);
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired
            .saturating_sub(current)
            .saturating_mul(TABLE_ELEMENT);
        Ok(!is_beyond(desired, maximum) && self.take(more))
    }

    fn instances(&self) -> usize {
        MOST_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MOST_TABLES as usize
    }

    fn memories(&self) -> usize {
        MOST_MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(most: usize) -> MemoryLimit {
        let stats = Stats::new().expect("a configuration");
        MemoryLimit::new(most, Arc::new(stats))
    }

    #[test]
    fn the_limit_is_for_all_memories_and_tables_together() {
        let mut limit = limit(1000);
        let grow = |limit: &mut MemoryLimit, from, to| {
            let grown = limit.memory_growing(from, to, None);
            grown.expect("no trap")
        };
        assert!(grow(&mut limit, 0, 400));
        assert!(grow(&mut limit, 0, 400), "another memory");
        assert!(!grow(&mut limit, 400, 700));
        assert!(limit.was_refused());
        assert!(grow(&mut limit, 400, 500));
        let grown = limit.table_growing(0, 6, None).expect("no trap");
        assert!(grown, "96 bytes");
        assert!(!limit.table_growing(0, 1, None).expect("no trap"));
        assert!(!limit.table_growing(0, usize::MAX, None).expect("no trap"));
        assert!(!grow(&mut limit, 0, usize::MAX));
        assert!(limit.is_nearly_used_up());
    }

    #[test]
    fn what_a_module_forbids_itself_costs_nothing() {
        let mut limit = limit(1000);
        for _ in 0..10 {
            let grown = limit.memory_growing(100, 300, Some(200));
            assert!(!grown.expect("no trap"));
        }
        assert!(!limit.was_refused());
        assert!(limit.memory_growing(0, 1000, None).expect("no trap"));
    }
}
