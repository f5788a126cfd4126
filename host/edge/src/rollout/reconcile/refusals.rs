//! Warns operators of stores that answer and refuse changes.

use std::time::Duration;

use super::connections::NodeConnections;
use crate::telemetry::NodeWarnings;

/// Name of the warning.
const SUBJECT: &str = "refused-changes";

/// Interval at which stores are checked for refused changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl NodeConnections {
    /// Warns while a store refuses changes, for as long as this future is
    /// polled.
    pub async fn watch_refusals(&self, warnings: &NodeWarnings) {
        loop {
            match self.refusals() {
                refusals if refusals.is_empty() => warnings.clear(SUBJECT),
                refusals => warnings.raise(SUBJECT, refusals.join("; ")),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns a message for each store that refuses changes, without
    /// duplicates.
    fn refusals(&self) -> Vec<String> {
        let databases = self.databases().into_iter();
        let mut refusals: Vec<_> = databases
            .filter_map(|(_, database)| database.refusal())
            .chain(self.control().refusal())
            .chain(self.services().refusals())
            .collect();
        refusals.sort();
        refusals.dedup();
        refusals
    }
}
