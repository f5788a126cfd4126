//! Which node leads rollouts: one row, held for some seconds at a time.
//!
//! Every step of a rollout is a statement that succeeds for one node alone, so
//! two nodes that both think that they lead do no harm. That only one looks
//! spares the database the questions of all others.

use std::time::Duration;

use stores::sql::Value;

use super::{Control, Result, text};

/// The one thing that is led.
const ROLLOUTS: &str = "rollouts";

/// For how long a node leads without saying so again.
const HELD: Duration = Duration::from_secs(6);

const ADD: &str = "INSERT INTO edge_leader (name, holder, held_until) VALUES (?, '', 0)";
/// The counts spare nodes that do not lead statements of their own.
const HELD_BY_ANOTHER: &str = "SELECT (SELECT COUNT(*) FROM edge_rollout \
     WHERE open_plugin IS NOT NULL AND phase = 'canary'), \
     (SELECT COUNT(*) FROM edge_node WHERE node = edge_leader.holder \
     AND report NOT LIKE '%\"writes_heads\":true%') \
     FROM edge_leader WHERE name = ? AND holder <> ? AND held_until > {now}";
const TAKE: &str = "UPDATE edge_leader SET holder = ?, held_until = {now} + ? \
     WHERE name = ? AND (holder = ? OR held_until <= {now})";
const GIVE_BACK: &str = "UPDATE edge_leader SET held_until = 0 WHERE name = ? AND holder = ?";

/// Who leads rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// The node that asked.
    Here,
    /// Another node.
    Elsewhere {
        /// Whether there are canaries, whose checks any node may ask.
        canaries: bool,
        /// Whether the one that leads writes no heads of the release log: its
        /// host is of an older version.
        lacks_heads: bool,
    },
}

impl Control {
    /// Lets `node` lead rollouts for the next seconds, unless another one
    /// does. Returns who leads.
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
        // The first node of all makes the row.
        self.try_execute(ADD, vec![text(ROLLOUTS)]).await?;
        Ok(match self.try_take_lead(node).await? {
            true => Lead::Here,
            false => Lead::Elsewhere {
                canaries: false,
                lacks_heads: false,
            },
        })
    }

    /// Lets another node lead at once, if `node` leads.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back_lead(&self, node: &str) -> Result<()> {
        let values = vec![text(ROLLOUTS), text(node)];
        self.execute(GIVE_BACK, values).await.map(|_| ())
    }

    /// Cheaper than an update that changes nothing, which locks the row.
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
        let held = i64::try_from(HELD.as_millis()).unwrap_or(i64::MAX);
        let values = vec![text(node), Value::Integer(held), text(ROLLOUTS), text(node)];
        Ok(self.execute(TAKE, values).await?.rows_affected == 1)
    }
}
