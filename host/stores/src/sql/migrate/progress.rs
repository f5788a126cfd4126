//! How far a run of migrations is, for whoever watches it.

use tokio::sync::watch;

/// Where a run of migrations is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationProgress {
    /// The statement that runs, from 1; 0 before the first.
    pub statement: usize,
    /// All statements of the migrations that were pending.
    pub statements: usize,
    /// What is done now: the beginning of the statement, or what it waits for.
    pub doing: String,
}

/// Tells how far a run of migrations is.
#[derive(Debug, Clone)]
pub struct ProgressSender(watch::Sender<MigrationProgress>);

impl ProgressSender {
    /// Returns a sender for a run of so many statements, as far as is known
    /// before it begins, and the receiver of what it tells.
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

    /// Counts statements that ran in an earlier attempt.
    pub(in crate::sql) fn skip(&self, statements: usize) {
        self.0
            .send_modify(|progress| progress.statement += statements);
    }

    /// The next statement begins.
    pub(in crate::sql) fn begin(&self, text: &str) {
        self.0.send_modify(|progress| {
            progress.statement += 1;
            progress.doing = excerpt(text);
        });
    }

    /// The work waits for something.
    pub fn wait_for(&self, what: String) {
        self.0.send_modify(|progress| progress.doing = what);
    }
}

/// Longest excerpt of a statement, in characters.
const EXCERPT: usize = 200;

/// Returns the beginning of a statement on one line.
pub(in crate::sql) fn excerpt(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
