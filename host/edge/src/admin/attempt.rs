//! Audit records of changes through the API: every attempt is recorded with its
//! outcome.

use super::AdminState;
use super::error::Result;

/// Maximum length of a plugin's name and of a reason in the audit, in
/// characters. Names of existing plugins are never longer.
const LONGEST_NAME: usize = 40;
const LONGEST_DETAIL: usize = 2000;

/// Action under which refused attempts are recorded.
const REFUSED: &str = "refused";

/// An attempt to change something, for the audit.
pub(super) struct AuditedAction {
    /// Name of the actor.
    pub(super) author: String,
    /// Action that was asked for.
    action: &'static str,
    /// Plugin that the action concerns; empty while it is not known.
    pub(super) plugin: String,
    /// Object of the action, for the record of a refusal.
    object: String,
}

impl AuditedAction {
    pub(super) fn new(author: String, action: &'static str, plugin: &str) -> Self {
        Self {
            author,
            action,
            plugin: plugin.to_owned(),
            object: String::new(),
        }
    }

    /// Adds the object of the action.
    pub(super) fn of(self, object: impl ToString) -> Self {
        Self {
            object: format!(" of {}", object.to_string()),
            ..self
        }
    }

    /// Returns the attempt for one of several plugins.
    pub(super) fn for_plugin(&self, plugin: &str) -> Self {
        Self {
            author: self.author.clone(),
            action: self.action,
            plugin: plugin.to_owned(),
            object: self.object.clone(),
        }
    }

    /// Records that the action was done.
    pub(super) async fn done(&self, office: &AdminState, detail: &str) -> Result<()> {
        self.done_as(office, self.action, detail).await
    }

    /// Records the reason if the action was refused. If that fails, it is
    /// logged, and the refusal is still returned: it is what the operator has
    /// to know.
    pub(super) async fn settle<T>(&self, office: &AdminState, outcome: Result<T>) -> Result<T> {
        if let Err(refusal) = &outcome {
            let Self { action, object, .. } = self;
            let detail = format!("{action}{object}: {refusal}");
            if let Err(error) = self.done_as(office, REFUSED, &detail).await {
                let author = &self.author;
                tracing::warn!(
                    author,
                    "what was refused is not in the audit ({error}): {detail}"
                );
            }
        }
        outcome
    }

    /// Records that `action` was done by this attempt.
    pub(super) async fn done_as(
        &self,
        office: &AdminState,
        action: &str,
        detail: &str,
    ) -> Result<()> {
        let plugin: String = self.plugin.chars().take(LONGEST_NAME).collect();
        let detail: String = detail.chars().take(LONGEST_DETAIL).collect();
        let control = &office.control;
        Ok(control
            .audit(&self.author, action, &plugin, &detail)
            .await?)
    }
}
