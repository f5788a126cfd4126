//! Why nodes cannot ask the outside check of a canary.
//!
//! An answer of the check stands in the rollout's plan, whichever node it came
//! to. A node that gets none writes down why, so that it is known where no node
//! gets any.

use super::row::Row;
use super::{Control, Result, text};

/// Nodes that ended are not spoken of any more.
const OF_ROLLOUT: &str = "SELECT c.node, c.reason FROM edge_rollout_check c \
    JOIN edge_node n ON n.node = c.node \
    WHERE c.rollout = ? AND n.seen_at > {now} - 6000 ORDER BY c.node";
const ADD: &str = "INSERT INTO edge_rollout_check (reason, rollout, node, noted_at) \
    VALUES (?, ?, ?, {now})";
const REPLACE: &str = "UPDATE edge_rollout_check SET reason = ?, noted_at = {now} \
    WHERE rollout = ? AND node = ?";
const FORGET: &str = "DELETE FROM edge_rollout_check WHERE rollout = ? AND node = ?";
/// Rows of rollouts that are long over.
const FORGET_OLD: &str = "DELETE FROM edge_rollout_check WHERE noted_at < {now} - 2592000000";

/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 500;

/// A node that cannot ask a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// The node.
    pub node: String,
    /// Why it cannot.
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
    /// Returns the live nodes that cannot ask the check of a rollout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn check_failures(&self, rollout: &str) -> Result<Vec<CheckFailure>> {
        let rows = self.query(OF_ROLLOUT, vec![text(rollout)]).await?;
        rows.into_iter().map(CheckFailure::read).collect()
    }

    /// Writes down why `node` cannot ask the check of a rollout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_check_failure(&self, rollout: &str, node: &str, reason: &str) -> Result<()> {
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let values = || vec![text(&reason), text(rollout), text(node)];
        if self.execute(REPLACE, values()).await?.rows_affected == 0 {
            self.try_execute(ADD, values()).await?;
            self.execute(FORGET_OLD, Vec::new()).await?;
        }
        Ok(())
    }

    /// Writes down that `node` can ask the check of a rollout again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_check_failure(&self, rollout: &str, node: &str) -> Result<()> {
        let values = vec![text(rollout), text(node)];
        self.execute(FORGET, values).await.map(|_| ())
    }
}

/// Returns the failures in one text, each reason once; none where there are no
/// failures.
#[must_use]
pub fn describe(failures: &[CheckFailure]) -> Option<String> {
    /// Names of nodes that are shown of those with one reason.
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
        assert_eq!(describe(&[]), None);
        let two = describe(&failures(2)).expect("a text");
        assert_eq!(two, "node n0: no route; node n1: not allowed");
        let many = describe(&failures(200)).expect("a text");
        assert_eq!(
            many,
            "node n0: no route; node n1, node n2, node n3 and 196 more: not allowed"
        );
    }
}
