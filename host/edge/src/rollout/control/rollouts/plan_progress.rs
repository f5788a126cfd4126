//! Plans of rollouts in the control database, with the progress of each: its current step, the last
//! answer of its check, and the operator who has paused it.
//!
//! Every change is one statement that succeeds for one writer alone. Hosts of versions before this
//! table do not read it: they lead a rollout through the log, and take no steps.

use std::time::Duration;

use stores::sql::Value;

use super::check_failures::CheckFailure;
use super::plan::Plan;
use super::rollout::Rollout;
use crate::rollout::check::{Answer, Verdict};
use crate::rollout::control::row::Row;
use crate::rollout::control::{Control, Result, text};

const ADD: &str = "INSERT INTO edge_rollout_plan \
    (rollout, plan, stepped_at, compared, asked_at, answered_at, answer, answer_reason, \
     paused_at, paused_by) VALUES (?, ?, {now}, 0, 0, 0, '', '', 0, '')";
const DROP: &str = "DELETE FROM edge_rollout_plan WHERE rollout = ?";
const FIND: &str = "SELECT plan, stepped_at, compared, asked_at, answered_at, answer, \
    answer_reason, paused_at, paused_by, {now} + 0 FROM edge_rollout_plan WHERE rollout = ?";
const STEP: &str = "UPDATE edge_rollout_plan SET stepped_at = {now}, compared = ? \
    WHERE rollout = ? AND stepped_at = ?";
const SHARE: &str = "UPDATE edge_rollout SET canary_percent = ? \
    WHERE id = ? AND phase = ? AND canary_percent = ?";
const ASK: &str = "UPDATE edge_rollout_plan SET asked_at = {now} \
    WHERE rollout = ? AND asked_at <= {now} - ?";
const ANSWER: &str = "UPDATE edge_rollout_plan SET answered_at = {now}, answer = ?, \
    answer_reason = ? WHERE rollout = ?";
const PAUSE: &str = "UPDATE edge_rollout_plan SET paused_at = {now}, paused_by = ? \
    WHERE rollout = ? AND paused_at = 0";
const RESUME: &str = "UPDATE edge_rollout_plan SET paused_at = 0, stepped_at = {now} \
    WHERE rollout = ? AND paused_at <> 0";

/// A rollout's plan and its progress. Times are milliseconds since 1970 by the database's clock.
#[derive(Debug, Clone)]
pub struct PlanRecord {
    /// Steps and external check, as they were given when the rollout began.
    pub plan: Plan,
    /// Time when the current step began.
    pub stepped_at: i64,
    /// Number of the canary's requests that had been compared when the current step began.
    pub compared: u64,
    /// Time when a node last began to query the check; 0 before the first time.
    pub asked_at: i64,
    /// Last answer of the check and its time; `None` before the first.
    pub answer: Option<(Answer, i64)>,
    /// Live nodes that cannot query the check, with their reasons.
    pub failures: Vec<CheckFailure>,
    /// Operator who paused the rollout; `None` while it is not paused.
    pub paused_by: Option<String>,
    /// Time when the record was read.
    pub now: i64,
}

impl PlanRecord {
    /// Returns the time since the current step of `rollout`, or its current phase, began, whichever
    /// is later.
    #[must_use]
    pub fn step_age(&self, rollout: &Rollout) -> Duration {
        let began = self.stepped_at.max(rollout.changed_at);
        Duration::from_millis(u64::try_from(self.now - began).unwrap_or(0))
    }

    /// Returns how many of the canary's requests were compared at the current step. The sum of the
    /// nodes' own counters, `at_step`, is used where all nodes report it: a node that was restarted
    /// has lost what it compared before, and requests of earlier steps need not be compared again.
    /// Where an older host reports no such counter, the result is `total` less what had been
    /// compared when the step began.
    #[must_use]
    pub fn compared_at_step(&self, at_step: Option<u64>, total: u64) -> u64 {
        at_step.unwrap_or_else(|| total.saturating_sub(self.compared))
    }

    fn read(mut row: Row) -> Result<Self> {
        let (plan, stepped_at, compared) = (row.json()?, row.integer()?, row.integer()?);
        let asked_at = row.integer()?;
        let (answered_at, verdict, reason) = (row.integer()?, row.text()?, row.text()?);
        let (paused_at, paused_by) = (row.integer()?, row.text()?);
        // This version cannot act on a verdict of a newer host.
        let verdict = verdict.parse().unwrap_or(Verdict::Unknown);
        Ok(Self {
            plan,
            stepped_at,
            compared: u64::try_from(compared).unwrap_or(0),
            asked_at,
            failures: Vec::new(),
            answer: (answered_at > 0).then_some((Answer { verdict, reason }, answered_at)),
            paused_by: (paused_at > 0).then_some(paused_by),
            now: row.integer()?,
        })
    }
}

impl Control {
    /// Stores the plan of the rollout `id`, before the rollout begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_plan(&self, id: &str, plan: &Plan) -> Result<()> {
        let values = vec![text(id), text(serde_json::json!(plan))];
        self.try_execute(ADD, values).await.map(|_| ())
    }

    /// Deletes the plan of a rollout that did not begin.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn drop_plan(&self, id: &str) -> Result<()> {
        self.execute(DROP, vec![text(id)]).await.map(|_| ())
    }

    /// Returns the plan of the rollout `id` and its progress; `None` if an older host began the
    /// rollout.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn plan(&self, id: &str) -> Result<Option<PlanRecord>> {
        let row = self.query(FIND, vec![text(id)]).await?.into_iter().next();
        let Some(mut record) = row.map(PlanRecord::read).transpose()? else {
            return Ok(None);
        };
        if record.plan.check.is_some() {
            record.failures = self.check_failures(id).await?;
        }
        Ok(Some(record))
    }

    /// Begins the next step of a canary, which then serves `percent` of the clients; `compared` is
    /// the number of requests compared until now. Returns whether this writer changed the share; if
    /// not, another writer was first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_share(
        &self,
        rollout: &Rollout,
        plan: &PlanRecord,
        percent: u8,
        compared: u64,
    ) -> Result<bool> {
        // The start time of the step is written first: a crash between the two statements delays
        // the step and never shortens it.
        let values = vec![
            integer(compared),
            text(&rollout.id),
            Value::Integer(plan.stepped_at),
        ];
        if self.execute(STEP, values).await?.rows_affected != 1 {
            return Ok(false);
        }
        let values = vec![
            Value::Integer(percent.into()),
            text(&rollout.id),
            text(rollout.phase),
            Value::Integer(rollout.canary_percent.into()),
        ];
        Ok(self.execute(SHARE, values).await?.rows_affected == 1)
    }

    /// Returns whether this node is to query the check of a rollout, because no node has begun to
    /// within the last `interval`. A `true` reserves the query for this node.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_check(&self, id: &str, interval: Duration) -> Result<bool> {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let values = vec![text(id), integer(interval)];
        Ok(self.execute(ASK, values).await?.rows_affected == 1)
    }

    /// Stores the answer of a rollout's check.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_answer(&self, id: &str, answer: &Answer) -> Result<()> {
        let values = vec![text(answer.verdict), text(&answer.reason), text(id)];
        self.execute(ANSWER, values).await.map(|_| ())
    }

    /// Pauses a rollout. Returns whether it was running before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pause(&self, id: &str, author: &str) -> Result<bool> {
        if self.plan(id).await?.is_none() {
            self.add_plan(id, &Plan::default()).await?;
        }
        let values = vec![text(author), text(id)];
        Ok(self.execute(PAUSE, values).await?.rows_affected == 1)
    }

    /// Resumes a paused rollout and begins its step anew. Returns whether it was paused.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resume(&self, id: &str) -> Result<bool> {
        Ok(self.execute(RESUME, vec![text(id)]).await?.rows_affected == 1)
    }
}

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
