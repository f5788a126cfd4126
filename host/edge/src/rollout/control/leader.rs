//! Leader election for rollouts by a lease of a few seconds on one row.
//!
//! Every step of a rollout is a statement that succeeds for one node alone, so two nodes that both
//! believe to hold the lease do no harm. With one leader, the other nodes need not query the state
//! of rollouts.

use std::time::Duration;

use stores::sql::Value;

use super::{Control, Result, text};

/// Name of the only lease.
const ROLLOUTS: &str = "rollouts";

/// Duration of the lease.
const LEASE: Duration = Duration::from_secs(6);

const ADD: &str = "INSERT INTO edge_leader (name, holder, held_until) VALUES (?, '', 0)";
/// Selects whether another node holds the lease. The counts in the same row save nodes that do not
/// lead further statements.
const HELD_BY_ANOTHER: &str = "SELECT (SELECT COUNT(*) FROM edge_rollout \
     WHERE open_plugin IS NOT NULL AND phase = 'canary'), \
     (SELECT COUNT(*) FROM edge_node WHERE node = edge_leader.holder \
     AND report NOT LIKE '%\"writes_heads\":true%') \
     FROM edge_leader WHERE name = ? AND holder <> ? AND held_until > {now}";
const TAKE: &str = "UPDATE edge_leader SET holder = ?, held_until = {now} + ? \
     WHERE name = ? AND (holder = ? OR held_until <= {now})";
const GIVE_BACK: &str = "UPDATE edge_leader SET held_until = 0 WHERE name = ? AND holder = ?";

/// The holder of the lease on rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// The node that asked holds the lease.
    Here,
    /// Another node holds the lease.
    Elsewhere {
        /// True if there are canaries, whose checks any node may query.
        canaries: bool,
        /// True if the leader is of an older host version, which writes no heads of the release
        /// log.
        lacks_heads: bool,
    },
}

impl Control {
    /// Acquires or renews the lease for `node`, unless another node holds it. Returns the holder.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_lead(&self, node: &str) -> Result<Lead> {
        if let Some(elsewhere) = self.led_by_another(node).await? {
            return Ok(elsewhere);
        }
        if self.try_take_lead(node).await? {
            return Ok(Lead::Here);
        }
        // The first node of the shop creates the row.
        self.try_execute(ADD, vec![text(ROLLOUTS)]).await?;
        Ok(match self.try_take_lead(node).await? {
            true => Lead::Here,
            false => Lead::Elsewhere {
                canaries: false,
                lacks_heads: false,
            },
        })
    }

    /// Releases the lease if `node` holds it, so that another node can take it at once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back_lead(&self, node: &str) -> Result<()> {
        let values = vec![text(ROLLOUTS), text(node)];
        self.execute(GIVE_BACK, values).await.map(|_| ())
    }

    /// Returns the lease of another node, if one holds it. A SELECT is cheaper than an UPDATE that
    /// changes nothing, which locks the row.
    async fn led_by_another(&self, node: &str) -> Result<Option<Lead>> {
        let values = vec![text(ROLLOUTS), text(node)];
        let row = self
            .query(HELD_BY_ANOTHER, values)
            .await?
            .into_iter()
            .next();
        row.map(|mut row| {
            Ok(Lead::Elsewhere {
                canaries: row.integer()? > 0,
                lacks_heads: row.integer()? > 0,
            })
        })
        .transpose()
    }

    async fn try_take_lead(&self, node: &str) -> Result<bool> {
        let held = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        let values = vec![text(node), Value::Integer(held), text(ROLLOUTS), text(node)];
        Ok(self.execute(TAKE, values).await?.rows_affected == 1)
    }
}
