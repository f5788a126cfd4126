//! Changes through the API: each is recorded in the audit, also one that is
//! refused.

use crate::admin::AdminState;
use crate::admin::error::Result;

/// Maximum length of a plugin's name and of a reason in the audit, in
/// characters. Names of existing plugins are never longer.
const MAX_NAME: usize = 40;
const MAX_DETAIL: usize = 2000;

/// Action under which a refused action is recorded.
const REFUSED: &str = "refused";

/// A change that an operator asked for, as the audit records it.
pub(in crate::admin) struct AuditedAction {
    /// Name of the actor.
    pub(in crate::admin) author: String,
    /// Action that was asked for.
    action: &'static str,
    /// Plugin that the action concerns; empty while it is not known.
    pub(in crate::admin) plugin: String,
    /// Object of the action, for the record of a refusal.
    object: String,
}

impl AuditedAction {
    pub(in crate::admin) fn new(author: String, action: &'static str, plugin: &str) -> Self {
        Self {
            author,
            action,
            plugin: plugin.to_owned(),
            object: String::new(),
        }
    }

    /// Adds the object of the action.
    pub(in crate::admin) fn of(self, object: impl ToString) -> Self {
        Self {
            object: format!(" of {}", object.to_string()),
            ..self
        }
    }

    /// Returns the action for one of several plugins.
    pub(in crate::admin) fn for_plugin(&self, plugin: &str) -> Self {
        Self {
            author: self.author.clone(),
            action: self.action,
            plugin: plugin.to_owned(),
            object: self.object.clone(),
        }
    }

    /// Records that the action was done.
    pub(in crate::admin) async fn done(&self, state: &AdminState, detail: &str) -> Result<()> {
        self.done_as(state, self.action, detail).await
    }

    /// Records the reason if the action was refused. If that fails, it is
    /// logged, and the refusal is still returned: it is what the operator has
    /// to know.
    pub(in crate::admin) async fn record_refusal<T>(
        &self,
        state: &AdminState,
        outcome: Result<T>,
    ) -> Result<T> {
        if let Err(refusal) = &outcome {
            let Self { action, object, .. } = self;
            let detail = format!("{action}{object}: {refusal}");
            if let Err(error) = self.done_as(state, REFUSED, &detail).await {
                let author = &self.author;
                tracing::warn!(
                    author,
                    "a refused action is not in the audit ({error}): {detail}"
                );
            }
        }
        outcome
    }

    /// Records that the actor did `action` as a part of this one.
    pub(in crate::admin) async fn done_as(
        &self,
        state: &AdminState,
        action: &str,
        detail: &str,
    ) -> Result<()> {
        let plugin: String = self.plugin.chars().take(MAX_NAME).collect();
        let detail: String = detail.chars().take(MAX_DETAIL).collect();
        let control = &state.control;
        Ok(control
            .audit(&self.author, action, &plugin, &detail)
            .await?)
    }
}
