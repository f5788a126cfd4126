//! What a node makes ready right now: a task for each plugin, beside each other.
//!
//! A task for a revision that a newer one follows is told so. It is not cut off,
//! since it may be in the middle of filling tables: it ends where it can, and
//! whoever gave it the work sees to it that nothing comes of it.

use std::collections::HashMap;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tasks that run.
#[derive(Default)]
pub(super) struct Activations {
    /// The newest revision of each plugin that a task works on.
    newest: HashMap<String, Newest>,
    tasks: JoinSet<(String, i64)>,
}

/// A task, and what tells it that it is not wanted any more.
struct Newest {
    revision: i64,
    superseded: CancellationToken,
}

impl Activations {
    /// Returns whether a task for this revision of a plugin runs.
    pub(in crate::rollout) fn is_running(&self, plugin: &str, revision: i64) -> bool {
        let newest = self.newest.get(plugin);
        newest.is_some_and(|newest| newest.revision == revision)
    }

    /// Starts `work` for a revision of a plugin; it is told when it is not
    /// wanted any more.
    pub(in crate::rollout) fn start<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        plugin: &str,
        revision: i64,
        work: impl FnOnce(CancellationToken) -> F,
    ) {
        let name = plugin.to_owned();
        let superseded = CancellationToken::new();
        let work = work(superseded.clone());
        let newest = Newest {
            revision,
            superseded,
        };
        if let Some(older) = self.newest.insert(name.clone(), newest) {
            older.superseded.cancel();
        }
        self.tasks.spawn(async move {
            work.await;
            (name, revision)
        });
    }

    /// Cares no longer for the task of a plugin.
    pub(in crate::rollout) fn forget(&mut self, plugin: &str) {
        if let Some(newest) = self.newest.remove(plugin) {
            newest.superseded.cancel();
        }
    }

    /// Waits until a task has ended; for ever where none runs.
    pub(in crate::rollout) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            None => std::future::pending().await,
            Some(Ok((plugin, revision))) => {
                if self.is_running(&plugin, revision) {
                    self.forget(&plugin);
                }
            }
            Some(Err(error)) => {
                // Whose task it was is unknown: all that is not settled is
                // begun anew.
                tracing::error!("making a release ready: {error}");
                self.newest.clear();
            }
        }
    }
}
