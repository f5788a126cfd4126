//! Tasks that prepare releases on a node, one for each plugin, in parallel.
//!
//! A task for a superseded revision gets a cancellation signal. It is not
//! aborted, since it may be seeding tables: it ends at a safe point, and its
//! caller discards the result.

use std::collections::HashMap;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Running tasks, with the newest revision of each plugin.
#[derive(Default)]
pub(super) struct Activations {
    /// Newest revision of each plugin for which a task runs.
    newest: HashMap<String, Newest>,
    tasks: JoinSet<(String, i64)>,
}

/// Revision of a task, and the token that cancels it.
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

    /// Starts `work` for a revision of a plugin. The token given to it is
    /// cancelled once a newer revision supersedes this one.
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

    /// Cancels the token of a plugin's task and ignores its result.
    pub(in crate::rollout) fn forget(&mut self, plugin: &str) {
        if let Some(newest) = self.newest.remove(plugin) {
            newest.superseded.cancel();
        }
    }

    /// Waits until a task has ended; never returns while none runs.
    pub(in crate::rollout) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            None => std::future::pending().await,
            Some(Ok((plugin, revision))) => {
                if self.is_running(&plugin, revision) {
                    self.forget(&plugin);
                }
            }
            Some(Err(error)) => {
                // The plugin of the task is unknown, so all revisions that
                // neither serve nor failed recently are started again.
                tracing::error!("making a release ready: {error}");
                self.newest.clear();
            }
        }
    }
}
