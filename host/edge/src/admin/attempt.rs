//! Attempts to change something: every one is written down, with what became
//! of it.

use super::AdminState;
use super::error::Result;

/// Characters of a plugin's name, and of a reason, that are written down.
/// Names of plugins that are there are no longer.
const LONGEST_NAME: usize = 40;
const LONGEST_DETAIL: usize = 2000;

/// What refusals are written down as.
const REFUSED: &str = "refused";

/// Somebody wants to change something.
pub(super) struct AuditedAction {
    /// Who.
    pub(super) author: String,
    /// What is to be done.
    action: &'static str,
    /// To which plugin; empty while that is not known.
    pub(super) plugin: String,
    /// With what, for those that are refused.
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

    /// The same, with something.
    pub(super) fn of(self, object: impl ToString) -> Self {
        Self {
            object: format!(" of {}", object.to_string()),
            ..self
        }
    }

    /// The same, to one of several plugins.
    pub(super) fn for_plugin(&self, plugin: &str) -> Self {
        Self {
            author: self.author.clone(),
            action: self.action,
            plugin: plugin.to_owned(),
            object: self.object.clone(),
        }
    }

    /// It was done.
    pub(super) async fn done(&self, office: &AdminState, detail: &str) -> Result<()> {
        self.done_as(office, self.action, detail).await
    }

    /// Write down why it was refused, if it was. Where even that fails, the
    /// log says so: the refusal stands, and is what the operator has to know.
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

    /// Write down that something was done by this attempt.
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
