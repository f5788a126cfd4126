//! What a node makes ready right now: a task for each plugin, beside each other.
//!
//! A task for a revision that a newer one follows is not cut off, since it may
//! be in the middle of a migration: it runs to its end, and whoever gave it the
//! work sees to it that nothing comes of it.

use std::collections::HashMap;

use tokio::task::JoinSet;

/// The tasks that run.
#[derive(Default)]
pub(super) struct Activations {
    /// The newest revision of each plugin that a task works on.
    newest: HashMap<String, i64>,
    tasks: JoinSet<(String, i64)>,
}

impl Activations {
    /// Returns whether a task for this revision of a plugin runs.
    pub(super) fn is_running(&self, plugin: &str, revision: i64) -> bool {
        self.newest.get(plugin) == Some(&revision)
    }

    /// Starts `work` for a revision of a plugin.
    pub(super) fn start(
        &mut self,
        plugin: &str,
        revision: i64,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let name = plugin.to_owned();
        self.newest.insert(name.clone(), revision);
        self.tasks.spawn(async move {
            work.await;
            (name, revision)
        });
    }

    /// Cares no longer for the task of a plugin.
    pub(super) fn forget(&mut self, plugin: &str) {
        self.newest.remove(plugin);
    }

    /// Waits until a task has ended; for ever where none runs.
    pub(super) async fn ended(&mut self) {
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
