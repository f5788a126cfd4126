//! Counts and durations of a release's host calls.

use std::sync::OnceLock;
use std::time::Instant;

use strum::VariantArray as _;

use super::operation::{Operation, Outcome};
use crate::telemetry::Timing;

type ByOutcome = [OnceLock<Timing>; Outcome::VARIANTS.len()];

/// Counts and durations of a release's host calls, by operation and outcome.
#[derive(Debug, Default)]
pub struct HostCallStats([ByOutcome; Operation::VARIANTS.len()]);

impl HostCallStats {
    pub(super) fn count(&self, operation: Operation, outcome: Outcome, began: Instant) {
        let timings = self.0.get(operation as usize);
        if let Some(timing) = timings.and_then(|timings| timings.get(outcome as usize)) {
            timing.get_or_init(Timing::new).observe(began.elapsed());
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
