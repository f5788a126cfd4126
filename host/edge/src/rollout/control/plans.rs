//! Plans of rollouts: the steps of the canary, the external check that is queried about it, and
//! whether an operator has paused the rollout.
//!
//! Every change is one statement that succeeds for one writer alone. Hosts of versions before this
//! table do not read it: they lead a rollout through the log, and take no steps.

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

/// The automatic steps of a rollout, and its external check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Percentages of the clients that the canary serves, one step after another.
    pub steps: Vec<u8>,
    /// Duration of each step but the last, in milliseconds.
    pub every_ms: u64,
    /// Time at the last step after which the canary is promoted, in milliseconds; `None` to leave
    /// the promotion to an operator.
    pub promote_after_ms: Option<u64>,
    /// External check that is queried about the canary; `None` for no check.
    #[serde(deserialize_with = "Check::stored")]
    pub check: Option<Check>,
}

impl Plan {
    /// Returns the first step above `percent`, if there is one.
    #[must_use]
    pub fn next_step(&self, percent: u8) -> Option<u8> {
        self.steps.iter().copied().find(|step| *step > percent)
    }

    /// Returns how long a canary of `percent` has to be healthy before the next step or the
    /// promotion; `None` if an operator decides.
    #[must_use]
    pub fn due_after(&self, percent: u8) -> Option<Duration> {
        match self.next_step(percent) {
            Some(_) => Some(Duration::from_millis(self.every_ms)),
            None => self.promote_after_ms.map(Duration::from_millis),
        }
    }
}

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

/// Returns whether a rollout in this phase can be paused. A rollout that is being reverted cannot.
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
