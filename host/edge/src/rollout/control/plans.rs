//! How rollouts go on by themselves: the steps of a canary, who is asked about
//! it, and whether an operator holds the rollout.
//!
//! Every change is one statement that succeeds for one writer alone. Hosts of
//! before this table existed do not read it: they lead a rollout's log, and
//! take no steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stores::sql::Value;

use super::check_failures::CheckFailure;
use super::rollouts::{Phase, Rollout};
use super::row::Row;
use super::{Control, Result, text};
use crate::rollout::check::{Answer, Check, Verdict};

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

/// How a rollout goes on by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Percents of the clients that meet the canary, one after another.
    pub steps: Vec<u8>,
    /// How long each step but the last one takes, in milliseconds.
    pub every_ms: u64,
    /// After how long at the last step the canary is promoted, in milliseconds;
    /// none to wait for an operator.
    pub promote_after_ms: Option<u64>,
    /// Who is asked besides.
    #[serde(deserialize_with = "Check::stored")]
    pub check: Option<Check>,
}

impl Plan {
    /// Returns the share after `percent`, if there is one.
    #[must_use]
    pub fn next_step(&self, percent: u8) -> Option<u8> {
        self.steps.iter().copied().find(|step| *step > percent)
    }

    /// Returns how long a canary of `percent` has to be healthy before the next
    /// step, or before it is promoted; none if an operator decides.
    #[must_use]
    pub fn due_after(&self, percent: u8) -> Option<Duration> {
        match self.next_step(percent) {
            Some(_) => Some(Duration::from_millis(self.every_ms)),
            None => self.promote_after_ms.map(Duration::from_millis),
        }
    }
}

/// A plan, and how far it is. Times are the database's, in milliseconds.
#[derive(Debug, Clone)]
pub struct PlanRecord {
    /// The plan.
    pub plan: Plan,
    /// When the present step began.
    pub stepped_at: i64,
    /// Requests that had been compared by then.
    pub compared: u64,
    /// When a node last began to ask the check; 0 before.
    pub asked_at: i64,
    /// What the check said last, and when.
    pub answer: Option<(Answer, i64)>,
    /// Live nodes that cannot ask the check, and why.
    pub failures: Vec<CheckFailure>,
    /// Who holds the rollout.
    pub paused_by: Option<String>,
    /// When this was read.
    pub now: i64,
}

impl PlanRecord {
    /// Returns for how long the present step of `rollout` has gone on.
    #[must_use]
    pub fn step_age(&self, rollout: &Rollout) -> Duration {
        let began = self.stepped_at.max(rollout.changed_at);
        Duration::from_millis(u64::try_from(self.now - began).unwrap_or(0))
    }

    /// Returns how many requests were compared at this step, by what nodes
    /// count `at_step` and the `total` of the canary. Nodes count their own: one that was started again lacks what it had compared before, and
    /// that of earlier steps need not be compared again. Where an older host
    /// does not count, it is what was compared since the step began.
    #[must_use]
    pub fn compared_at_step(&self, at_step: Option<u64>, total: u64) -> u64 {
        at_step.unwrap_or_else(|| total.saturating_sub(self.compared))
    }

    fn read(mut row: Row) -> Result<Self> {
        let (plan, stepped_at, compared) = (row.json()?, row.integer()?, row.integer()?);
        let asked_at = row.integer()?;
        let (answered_at, verdict, reason) = (row.integer()?, row.text()?, row.text()?);
        let (paused_at, paused_by) = (row.integer()?, row.text()?);
        // A verdict of a newer host is none that this one could act on.
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
    /// Writes down how the rollout `id` is to go on, before it begins.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_plan(&self, id: &str, plan: &Plan) -> Result<()> {
        let values = vec![text(id), text(serde_json::json!(plan))];
        self.try_execute(ADD, values).await.map(|_| ())
    }

    /// Forgets the plan of a rollout that did not begin.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn drop_plan(&self, id: &str) -> Result<()> {
        self.execute(DROP, vec![text(id)]).await.map(|_| ())
    }

    /// Returns how the rollout `id` goes on; none if an older host began it.
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

    /// Begins the next step of a canary, with another share of the clients;
    /// `compared` is what had been compared by then. Returns whether this
    /// writer changed the share; if not, somebody else was faster.
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
        // Its clock first: whoever ends in between delays the step, and takes
        // none too early.
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

    /// Returns whether this writer is to ask the check of a rollout: nobody
    /// else has begun to for as long as `interval`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_check(&self, id: &str, interval: Duration) -> Result<bool> {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let values = vec![text(id), integer(interval)];
        Ok(self.execute(ASK, values).await?.rows_affected == 1)
    }

    /// Writes down what the check of a rollout said.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_answer(&self, id: &str, answer: &Answer) -> Result<()> {
        let values = vec![text(answer.verdict), text(&answer.reason), text(id)];
        self.execute(ANSWER, values).await.map(|_| ())
    }

    /// Holds a rollout. Returns whether it was not held before.
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

    /// Lets a rollout go on. Its step begins anew. Returns whether it was held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resume(&self, id: &str) -> Result<bool> {
        Ok(self.execute(RESUME, vec![text(id)]).await?.rows_affected == 1)
    }
}

/// Whether a rollout in this phase can be held: what is being changed back is
/// not.
#[must_use]
pub fn can_be_paused(phase: Phase) -> bool {
    matches!(phase, Phase::Running | Phase::Canary | Phase::Promoting)
}

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_up_from_whatever_share_there_is() {
        let plan = Plan {
            steps: vec![1, 10, 50],
            every_ms: 1000,
            promote_after_ms: Some(5000),
            check: None,
        };
        assert_eq!(plan.next_step(1), Some(10));
        assert_eq!(plan.next_step(20), Some(50));
        assert_eq!(plan.next_step(50), None);
        assert_eq!(plan.due_after(10), Some(Duration::from_secs(1)));
        assert_eq!(plan.due_after(50), Some(Duration::from_secs(5)));
        assert_eq!(Plan::default().due_after(10), None);
    }

    #[test]
    fn plans_of_other_hosts_are_read() {
        let plan: Plan = serde_json::from_str(r#"{"steps":[5],"newer":1}"#).expect("a plan");
        assert_eq!(plan.steps, [5]);
        for check in [
            r#"{"oracle":{"url":"http://o"}}"#,
            r#"{"webhook":{"url":"http://w","newer":1}}"#,
            r#""newest""#,
        ] {
            let text = format!(r#"{{"steps":[5],"check":{check}}}"#);
            let plan: Plan = serde_json::from_str(&text).expect("a plan");
            assert_eq!(plan.check, Some(Check::Other), "{text}");
        }
        let check = Check::Prometheus {
            url: "http://p".to_owned(),
            query: "up".to_owned(),
        };
        let plan = Plan {
            check: Some(check),
            ..plan
        };
        let again = serde_json::to_string(&plan).expect("JSON");
        assert_eq!(serde_json::from_str::<Plan>(&again).expect("a plan"), plan);
    }
}
