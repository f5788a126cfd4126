//! Reasons why nodes cannot query the external check of a canary.
//!
//! An answer of the check is stored in the rollout's plan, whichever node received it. A node that
//! gets no answer stores the reason here, which is shown where no node gets an answer.

use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, text};

/// Selects the failures of live nodes only.
const OF_ROLLOUT: &str = "SELECT c.node, c.reason FROM edge_rollout_check c \
    JOIN edge_node n ON n.node = c.node \
    WHERE c.rollout = ? AND n.seen_at > {now} - 6000 ORDER BY c.node";
const ADD: &str = "INSERT INTO edge_rollout_check (reason, rollout, node, noted_at) \
    VALUES (?, ?, ?, {now})";
const REPLACE: &str = "UPDATE edge_rollout_check SET reason = ?, noted_at = {now} \
    WHERE rollout = ? AND node = ?";
const FORGET: &str = "DELETE FROM edge_rollout_check WHERE rollout = ? AND node = ?";
/// Deletes rows that were last written more than 30 days ago.
const FORGET_OLD: &str = "DELETE FROM edge_rollout_check WHERE noted_at < {now} - 2592000000";

/// Maximum length of a stored reason, in characters; longer ones are truncated.
const MAX_REASON_CHARS: usize = 500;

/// A node that cannot query the external check of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// Name of the node.
    pub node: String,
    /// Reason why the node cannot query the check.
    pub reason: String,
}

impl CheckFailure {
    fn read(mut row: Row) -> Result<Self> {
        Ok(Self {
            node: row.text()?,
            reason: row.text()?,
        })
    }
}

impl Control {
    /// Returns the live nodes that cannot query the check of a rollout, with their reasons.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_failures(&self, rollout: &str) -> Result<Vec<CheckFailure>> {
        let rows = self.query(OF_ROLLOUT, vec![text(rollout)]).await?;
        rows.into_iter().map(CheckFailure::read).collect()
    }

    /// Stores the reason why `node` cannot query the check of a rollout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_check_failure(&self, rollout: &str, node: &str, reason: &str) -> Result<()> {
        let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
        let values = || vec![text(&reason), text(rollout), text(node)];
        if self.execute(REPLACE, values()).await?.rows_affected == 0 {
            self.try_execute(ADD, values()).await?;
            self.execute(FORGET_OLD, Vec::new()).await?;
        }
        Ok(())
    }

    /// Removes the failure of `node`, which can query the check of the rollout again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_check_failure(&self, rollout: &str, node: &str) -> Result<()> {
        let values = vec![text(rollout), text(node)];
        self.execute(FORGET, values).await.map(|_| ())
    }
}

/// Returns the failures in one text, each reason once with its nodes; `None` if there are no
/// failures.
#[must_use]
pub fn describe_failures(failures: &[CheckFailure]) -> Option<String> {
    /// Maximum number of node names that are shown for one reason.
    const SHOWN: usize = 3;
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for failure in failures {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == failure.reason)
        {
            Some((_, nodes)) => nodes.push(&failure.node),
            None => reasons.push((&failure.reason, vec![&failure.node])),
        }
    }
    let texts: Vec<_> = reasons
        .into_iter()
        .map(|(reason, nodes)| {
            let shown = nodes.iter().take(SHOWN).copied().collect::<Vec<_>>();
            let more = match nodes.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("node {}{more}: {reason}", shown.join(", node "))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once() {
        let failures = |count: usize| -> Vec<_> {
            let failure = |number: usize| CheckFailure {
                node: format!("n{number}"),
                reason: ["no route", "not allowed"][usize::from(number > 0)].to_owned(),
            };
            (0..count).map(failure).collect()
        };
        assert_eq!(describe_failures(&[]), None);
        let two = describe_failures(&failures(2)).expect("a text");
        assert_eq!(two, "node n0: no route; node n1: not allowed");
        let many = describe_failures(&failures(200)).expect("a text");
        assert_eq!(
            many,
            "node n0: no route; node n1, node n2, node n3 and 196 more: not allowed"
        );
    }
}
