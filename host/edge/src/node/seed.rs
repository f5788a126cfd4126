//! Filling of the empty tables of plugins when a node starts.

use super::loaded::Loaded;
use crate::rollout::{Release, SeedError};

impl Loaded {
    /// Fills the empty tables of every plugin. For a plugin that is new to the shop, a failure is
    /// an error; for one that served before, it is a warning.
    pub(super) async fn fill_empty_tables(&self) -> Result<(), SeedError> {
        let mut failures = Vec::new();
        for release in self.releases() {
            if !release.plugin.exports().can_seed {
                continue;
            }
            let report = |done, total| log_progress(&release, done, total);
            match release.seed(None, report).await {
                Err(error) if self.is_new(&release.manifest.name) => return Err(error),
                Err(error) => failures.push(error.to_string()),
                Ok(_) => {}
            }
        }
        if !failures.is_empty() {
            let failures = failures.join("; ");
            let text = format!("tables may lack their starter data: {failures}");
            self.warnings.raise("starter-data", text);
        }
        Ok(())
    }

    /// Returns whether the release log had no entry for the plugin.
    fn is_new(&self, plugin: &str) -> bool {
        let mut folders = self.desired.iter().filter(|it| it.folder.is_some());
        folders.any(|it| it.plugin() == plugin)
    }
}

fn log_progress(release: &Release, done: u64, total: u64) {
    if total > 0 {
        tracing::info!(
            plugin = release.manifest.name,
            done,
            total,
            "filling tables"
        );
    }
}
