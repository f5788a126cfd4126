//! Stores of a node that answer, and refuse changes: for operators, while it
//! lasts.

use std::time::Duration;

use super::connections::NodeConnections;
use crate::telemetry::NodeWarnings;

/// What the warning is called.
const SUBJECT: &str = "refused-changes";

/// How often it is looked whether any store refuses changes.
const LOOK: Duration = Duration::from_secs(1);

impl NodeConnections {
    /// Warns while a store refuses changes, for as long as this is polled.
    pub async fn watch_refusals(&self, warnings: &NodeWarnings) {
        loop {
            match self.refusals() {
                refusals if refusals.is_empty() => warnings.clear(SUBJECT),
                refusals => warnings.raise(SUBJECT, refusals.join("; ")),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns in words which stores refuse changes, each once.
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
