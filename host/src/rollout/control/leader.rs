//! Which node leads rollouts: one row, held for some seconds at a time.
//!
//! Every step of a rollout is a statement that succeeds for one node alone, so
//! two nodes that both think that they lead do no harm. That only one looks
//! spares the database the questions of all others.

use std::time::Duration;

use super::{Control, Result, text};
use crate::bindings::sql::Value;

/// The one thing that is led.
const ROLLOUTS: &str = "rollouts";

/// For how long a node leads without saying so again.
const HELD: Duration = Duration::from_secs(6);

const ADD: &str = "INSERT INTO edge_leader (name, holder, held_until) VALUES (?, '', 0)";
const HELD_BY_ANOTHER: &str =
    "SELECT 1 FROM edge_leader WHERE name = ? AND holder <> ? AND held_until > {now}";
const TAKE: &str = "UPDATE edge_leader SET holder = ?, held_until = {now} + ? \
     WHERE name = ? AND (holder = ? OR held_until <= {now})";
const GIVE_BACK: &str = "UPDATE edge_leader SET held_until = 0 WHERE name = ? AND holder = ?";

impl Control {
    /// Lets `node` lead rollouts for the next seconds, unless another one
    /// does. Returns whether it leads.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_lead(&self, node: &str) -> Result<bool> {
        if self.is_led_by_another(node).await? {
            return Ok(false);
        }
        if self.try_take_lead(node).await? {
            return Ok(true);
        }
        // The first node of all makes the row.
        self.try_execute(ADD, vec![text(ROLLOUTS)]).await?;
        self.try_take_lead(node).await
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
    async fn is_led_by_another(&self, node: &str) -> Result<bool> {
        let rows = self
            .query(HELD_BY_ANOTHER, vec![text(ROLLOUTS), text(node)])
            .await?;
        Ok(!rows.is_empty())
    }

    async fn try_take_lead(&self, node: &str) -> Result<bool> {
        let held = i64::try_from(HELD.as_millis()).unwrap_or(i64::MAX);
        let values = vec![text(node), Value::Integer(held), text(ROLLOUTS), text(node)];
        Ok(self.execute(TAKE, values).await?.rows_affected == 1)
    }
}
