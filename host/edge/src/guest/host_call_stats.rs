//! Counts and durations of a release's host calls.

use std::sync::OnceLock;

use strum::VariantArray as _;

use super::ledger::Effect;
use super::operation::{Operation, Outcome};
use crate::telemetry::Timing;

type ByOutcome = [OnceLock<Timing>; Outcome::VARIANTS.len()];

/// Counts and durations of a release's host calls, by operation and outcome.
#[derive(Debug, Default)]
pub struct HostCallStats([ByOutcome; Operation::VARIANTS.len()]);

impl HostCallStats {
    pub(super) fn count(&self, effect: Effect) {
        let timings = self.0.get(effect.operation as usize);
        let timing = timings.and_then(|timings| timings.get(effect.outcome as usize));
        if let Some(timing) = timing {
            timing.get_or_init(Timing::new).observe(effect.took);
        }
    }

    /// Returns the operations and outcomes that occurred at least once.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, Outcome, &Timing)> {
        let operations = Operation::VARIANTS.iter().zip(&self.0);
        operations.flat_map(|(operation, timings)| {
            let timings = Outcome::VARIANTS.iter().zip(timings);
            timings.filter_map(move |(outcome, timing)| Some((*operation, *outcome, timing.get()?)))
        })
    }
}
