//! Reports the progress of a migration run to watchers.

use tokio::sync::watch;

/// Progress of a migration run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationProgress {
    /// Number of the current statement, from 1; 0 before the first.
    pub statement: usize,
    /// Number of statements of all migrations that were pending.
    pub statements: usize,
    /// Current activity: the beginning of the statement, or the condition that
    /// it waits for.
    pub doing: String,
}

/// Sender of a migration run's progress.
#[derive(Debug, Clone)]
pub struct ProgressSender(watch::Sender<MigrationProgress>);

impl ProgressSender {
    /// Returns a sender for a run of `statements` statements, as far as is
    /// known before it begins, and the receiver of its progress.
    #[must_use]
    pub fn new(statements: usize) -> (Self, watch::Receiver<MigrationProgress>) {
        let (sender, receiver) = watch::channel(MigrationProgress {
            statements,
            ..MigrationProgress::default()
        });
        (Self(sender), receiver)
    }

    pub(super) fn set_total(&self, statements: usize) {
        self.0.send_modify(|progress| {
            progress.statement = 0;
            progress.statements = statements;
        });
    }

    /// Counts statements that ran in an earlier attempt as done.
    pub(super) fn skip(&self, statements: usize) {
        self.0
            .send_modify(|progress| progress.statement += statements);
    }

    /// Reports that the next statement begins.
    pub(super) fn begin(&self, text: &str) {
        self.0.send_modify(|progress| {
            progress.statement += 1;
            progress.doing = excerpt(text);
        });
    }

    /// Reports that the run waits for `what`.
    pub fn wait_for(&self, what: String) {
        self.0.send_modify(|progress| progress.doing = what);
    }
}

/// Longest excerpt of a statement, in characters.
const EXCERPT: usize = 200;

/// Returns the beginning of a statement, on one line.
pub(super) fn excerpt(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
